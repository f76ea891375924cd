"""XML read without what makes XML dangerous: no DTD, no entities, nothing fetched, bounded depth and size.

https://www.w3.org/TR/xml/. One pass: a ``Builder`` is told of each element as it begins and ends, and no
tree of the library is made.
"""

from __future__ import annotations

from typing import Any, Protocol
from xml.etree.ElementTree import ParseError

from defusedxml import DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden
from defusedxml.ElementTree import DefusedXMLParser

from scr.decode.tree import DecodeError

MAX_SIZE = 64 * 1024 * 1024
"""Bytes of a payload."""
MAX_DEPTH = 64
"""How deep elements may be nested."""


class Builder(Protocol):
    """What is told of the elements. Names are ``{namespace}local``, or the local name alone."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """It ends."""

    def data(self, text: str) -> None:
        """Text in it."""

    def close(self) -> Any:
        """The end of the payload; what it made of it."""


class _Bounded:
    """A builder, held to the depth."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._depth = 0
        self.data, self.close = builder.data, builder.close

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise DecodeError(
                f"it is nested deeper than {MAX_DEPTH} levels", code="too-deep", where="the payload"
            )
        self._builder.start(name, attributes)

    def end(self, name: str) -> None:
        self._depth -= 1
        self._builder.end(name)


def parse(raw: bytes, builder: Builder) -> Any:
    """What the builder made of the payload. Raises DecodeError with line and column."""
    if len(raw) > MAX_SIZE:
        raise DecodeError(
            f"it is larger than {MAX_SIZE} bytes: send it in parts", code="too-large", where="the payload"
        )
    if not raw.strip():
        raise DecodeError("the payload is empty: XML is expected", code="empty", where="byte 0")
    parser = DefusedXMLParser(target=_Bounded(builder), forbid_dtd=True)
    try:
        parser.feed(raw)
        return parser.close()
    except (DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden):
        raise DecodeError(
            "a DTD (document type declaration, entities) is not taken: send the payload without",
            code="dtd-forbidden",
            where="before the first element",
        ) from None
    except (IndexError, KeyError):
        raise  # a mistake of the builder: an encoding that is not known is a bare LookupError
    except (ParseError, ValueError, LookupError) as error:
        line, column = getattr(error, "position", (1, 0))
        raise DecodeError(
            "the payload is not well-formed XML, or was cut short",
            code="not-xml",
            where=f"line {line}, column {column + 1}",
        ) from None
