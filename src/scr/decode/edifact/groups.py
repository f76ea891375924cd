"""The sections of a MEDRPT message: which segments stand together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from scr.decode.edifact import tables
from scr.decode.edifact.syntax import Segment

_SECTION = re.compile(r"S\d\d\Z")
_RESULTS = frozenset({"specimen", "investigation", "range", "continued"})
_BEFORE_RESULTS = frozenset({"report", "patient", "clinical"})
_CONTINUES = frozenset({"RSL", "STS", "RFF", "SEQ"})
_COMMENTS = frozenset({"SPC", "RIT"})
"""What belongs to the investigation although it comes after a range of it."""


@dataclass(slots=True)
class Group:
    """The segments of one section: ``section`` is a key of ``tables.SLOTS``, ``label`` its Snn."""

    section: str
    label: str = ""
    segments: list[Segment] = field(default_factory=list)

    def has(self, tag: str) -> bool:
        """Whether a segment of that name is in it."""
        return any(segment.tag == tag for segment in self.segments)

    def find(self, tag: str) -> Segment:
        """The first segment of that name; an empty one where there is none."""
        return next((segment for segment in self.segments if segment.tag == tag), Segment(0, tag))


def groups(segments: list[Segment]) -> Iterator[Group]:
    """The segments by section: Snn opens one; where Snn is left out, its first segment does."""
    current = Group("header")
    for segment in segments:
        if _SECTION.match(segment.tag):
            yield current
            current = Group(tables.SECTIONS.get(segment.tag, "other"), segment.tag)
            continue
        section = _opened(segment, current)
        if section:
            yield current
            current = Group(section, tables.LABELS[section])
        current.segments.append(segment)
    yield current


def _opened(segment: Segment, current: Group) -> str:
    """The section that a segment opens by itself; empty where it belongs to the current one."""
    tag, section = segment.tag, current.section
    if tag == "NAD":
        return "party" if section != "party" or current.has("NAD") else ""
    if tag == "PNA":
        return "patient" if section != "patient" or current.has("PNA") else ""
    if section not in _RESULTS:
        # Where S16 and S18 are left out, a GIS that is not the report's own is a result's.
        own = tag == "GIS" and (
            section not in _BEFORE_RESULTS or (section == "report" and not current.has("GIS"))
        )
        return "investigation" if tag in {"GIS", "INV"} and not own else ""
    if tag == "GIS":
        return "" if section == "investigation" and not current.segments else "investigation"
    if tag == "INV":
        return "" if section == "investigation" and not current.has("INV") else "investigation"
    if tag == "RND":
        return "" if section == "range" and not current.has("RND") else "range"
    goes_on = tag in _CONTINUES or (tag == "FTX" and segment.qualifier in _COMMENTS)
    return "continued" if section == "range" and goes_on else ""
