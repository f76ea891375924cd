"""Text of columns with tabs between them, as SNOMED CT and the NHS map files have it, strictly.

Quotation marks mean nothing in these files, a line ends with CR LF or LF, and the last one ends too: a file
that stops in the middle of a line has not come whole.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scr.errors import Invalid
from scr.terminology.load.package import Member

Fields = list[str]
_TELL_EVERY = 0x7FFF  # lines, a power of two less one


@dataclass(frozen=True, slots=True)
class Table:
    """A file of lines and the columns that its first line names."""

    member: Member
    columns: tuple[str, ...]

    def rows(self, at: Callable[[int], None] = lambda _: None) -> Iterator[tuple[int, Fields]]:
        """Line number and fields of each line after the first. Raises Invalid naming file and line.

        ``at`` hears now and then how many bytes have been read.
        """
        count = len(self.columns)
        number = 1
        with self.member.open() as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="\n") as text:
            try:
                next(text, "")
                for number, line in enumerate(text, 2):
                    if line[-1] != "\n":
                        raise self.error("the file stops in the middle of a line: download it again", number)
                    fields = line.rstrip("\r\n").split("\t")
                    if len(fields) != count:
                        raise self.error(
                            f"{len(fields)} columns instead of {count}: the file is damaged or cut short;"
                            " download it again",
                            number,
                        )
                    yield number, fields
                    if not number & _TELL_EVERY:
                        at(raw.tell())
            except UnicodeDecodeError:
                raise self.error("is not UTF-8 after this line: download the file again", number) from None

    def error(self, message: str, line: int) -> Invalid:
        """A refusal at a line."""
        return Invalid(message, code="bad-terminology", where=f"{self.member.where}, line {line}")


def header_of(member: Member) -> tuple[str, ...]:
    """The fields of a file's first line, as they are written; nothing where it is no text."""
    try:
        first = member.head().decode("utf-8-sig", errors="strict" if member.size < 4096 else "ignore")
    except UnicodeDecodeError:
        return ()
    return tuple(first.split("\n", 1)[0].rstrip("\r").split("\t"))
