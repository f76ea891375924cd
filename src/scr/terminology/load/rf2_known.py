"""What has been read of a SNOMED CT release so far, to hold the rest against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from scr.terminology.load.rf2_files import File, Release
from scr.terminology.load.sctid import is_sctid
from scr.terminology.load.source import Writing

LANGUAGES = (
    "999001261000000100",  # National Health Service realm, clinical part
    "999000691000001104",  # National Health Service realm, pharmacy part
    "900000000000508004",  # Great Britain English
    "900000000000509007",  # United States of America English
)
"""Language reference sets, the one that is asked first first."""


@dataclass(slots=True)
class Known:
    """What has been read."""

    release: Release
    languages: tuple[str, ...] = LANGUAGES
    concepts: dict[int, tuple[int, str, str, int]] = field(default_factory=dict)
    """Of each: active, module, effective time, fully defined."""
    ranks: dict[int, int] = field(default_factory=dict)
    """Of each description the place of its language reference set, doubled; one more if only acceptable."""
    best: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Of each concept the rank and number of its preferred term; of its full name, by minus its number."""
    displays: dict[int, str] = field(default_factory=dict)
    namespaces: set[str] = field(default_factory=set)
    """The namespaces of the packages that were given: what they refer to has to be there."""

    def concept(self, text: str, file: File, line: int) -> int:
        """A concept that has to be there. Raises Invalid."""
        try:
            number = int(text)
        except ValueError:
            number = 0
        if number not in self.concepts:
            message = (
                f"refers to concept {text}, which is in no file: a package or a part of one is missing"
                if is_sctid(text)
                else f"{text[:30]!r} is no concept's identifier: the columns are not in their places"
            )
            raise file.table.error(message, line)
        return number


def rows(file: File, writing: Writing) -> Iterator[tuple[int, list[str]]]:
    """The lines of a file, each looked at: times, active or not, and progress."""
    latest = file.date
    for line, fields in writing.follow(file.table):
        if fields[2] not in ("0", "1") or len(fields[1]) != 8 or not fields[1].isdigit():
            raise file.table.error("has no effective time or active flag where they belong", line)
        if fields[1] > latest:
            raise file.table.error(f"is of {fields[1]}, later than its release: releases are mixed", line)
        yield line, fields
