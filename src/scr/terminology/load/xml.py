"""XML as it is read here: element by element, with no entities, and nothing fetched that it refers to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from scr.errors import Invalid
from scr.terminology.load.package import Member

_TELL_EVERY = 0x3FF


def ends(
    member: Member, *, doctype: bool = False, at: Callable[[int], None] = lambda _: None
) -> Iterator[tuple[list[Any], Any]]:
    """Each element when it ends, after those that it is in. Whoever reads clears what is done with.

    ``doctype``: a declaration of the document's type may stand there; it is not followed. ``at`` hears now
    and then how many bytes have been read. Raises Invalid for what is not well formed, and for definitions.
    """
    around: list[Any] = []
    count = 0
    with member.open() as file:
        try:
            for event, element in iterparse(file, ("start", "end"), forbid_dtd=not doctype):
                if event == "start":
                    around.append(element)
                    continue
                around.pop()
                yield around, element
                count += 1
                if not count & _TELL_EVERY:
                    at(file.tell())
        except ParseError as error:
            raise Invalid(
                "the XML breaks off or is damaged: download the file again",
                code="bad-terminology",
                where=f"{member.where}, line {error.position[0]}",
            ) from None
        except DefusedXmlException:
            raise Invalid(
                "has definitions of its own, which files of its kind have not",
                code="bad-terminology",
                where=member.where,
            ) from None


def name_of(element: Any) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]
