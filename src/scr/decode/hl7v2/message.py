"""One HL7 v2 message as a tree that JMESPath walks.

A segment's fields and a composite's components are read when they are asked for, by their number
(as text) or their name: ``PID."3"[].id_number``, ``PID.patient_name[0].family_name.surname``. What
a caller may rely on:

- A field that the standard lets repeat is always a list; one that does not is one value. A field
  that no table names is a list.
- A composite is a mapping of components, a primitive is text, what is empty is None (or ``[]``).
- HL7's delete indicator (``""``) reads as None, so that it never becomes somebody's name; the tree's
  ``deleted`` names the places that it stood in, ``PID-13``. Of a field that was sent with several
  values where the standard has one, the first is read; ``surplus`` names such fields.
- Segments that stand once are there as themselves or None, all others are lists. ``segments`` has
  all in order, ``patients`` every PID, ``orders`` the order groups (see ``scr.decode.hl7v2.orders``),
  ``notes`` the NTE that stand in none of them.
- ``event`` is the trigger event (``A01``); ``nhs_numbers`` the values in PID that are said to be NHS
  Numbers, ``local_identifiers`` the other identifiers of PID-3.
- ``other_patient`` is the message of the other patient, where one is merged or unlinked (``merges``).
- ``documents`` are the texts and files in OBX, ``timing`` is when an appointment is, ``vaccinations`` are
  the RXA with what belongs to each (see the modules of these names, and ``scheduling``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any

from scr.decode.hl7v2.composites import DELETED
from scr.decode.hl7v2.documents import documents
from scr.decode.hl7v2.identifiers import local_identifiers, nhs_numbers
from scr.decode.hl7v2.merges import other_patient
from scr.decode.hl7v2.orders import order_groups
from scr.decode.hl7v2.scheduling import timing
from scr.decode.hl7v2.tables import SINGLE
from scr.decode.hl7v2.text import Delimiters, as_ascii_based, delimiters_of, to_text
from scr.decode.hl7v2.vaccinations import vaccinations
from scr.decode.hl7v2.views import Segment
from scr.decode.tree import DecodeError

MAX_SEGMENTS = 20_000
"""More segments than any message has: what has more is an attack or a mistake."""
MAX_PLACES = 20_000
"""The same for the fields of a segment and the repetitions in it."""

_UNSEEN = object()
_SEGMENT_NAME = re.compile(r"[A-Z][A-Z0-9]{2}\Z")


class Message(Mapping[str, Any]):
    """One message: its segments by name.

    The other keys (``segments``, ``orders`` …: see the module) show the same another way, and stand in
    no iteration.
    """

    def __init__(self, segments: list[Segment], delimiters: Delimiters) -> None:
        self.segments = segments
        self.delimiters = delimiters
        self._by_name: dict[str, list[Segment]] = {}
        self._seen: dict[str, Any] = {}
        noted: Segment | None = None
        for segment in segments:
            self._by_name.setdefault(segment.name, []).append(segment)
            if segment.name != "NTE":
                noted = segment if segment.name == "OBX" else None
            elif noted is not None:
                noted.notes.append(segment)
        has_orders = self._by_name.keys() & {"ORC", "OBR"}
        self.orders = order_groups(segments, self.control_id) if has_orders else []

    @property
    def header(self) -> Segment:
        """The MSH segment."""
        return self.segments[0]

    @property
    def type(self) -> str:
        """``ADT^A01``: MSH-9, its event from EVN-1 where MSH-9 has none."""
        code = (self.header.get("message_type") or {}).get("message_code", "")
        return f"{code}^{self.event or ''}"

    @property
    def event(self) -> str | None:
        """The trigger event: MSH-9.2, or else EVN-1."""
        event = (self.header.get("message_type") or {}).get("trigger_event")
        event = event or (self.get("EVN") or {}).get("event_type_code")
        return None if event is None else str(event)

    @property
    def control_id(self) -> str:
        """MSH-10, the sender's own name for the message; empty where there is none."""
        return str(self.header.get("message_control_id", ""))

    @property
    def sending_application(self) -> str:
        """MSH-3.1."""
        return str((self.header.get("sending_application") or {}).get("namespace_id", ""))

    @property
    def sending_facility(self) -> str:
        """MSH-4.1."""
        return str((self.header.get("sending_facility") or {}).get("namespace_id", ""))

    @cached_property
    def deleted(self) -> list[str]:
        """Every place of a delete indicator: ``PID-13``, ``PID-11.2``."""
        return list(dict.fromkeys(place for segment in self.segments for place in segment.deleted()))

    @property
    def surplus(self) -> list[str]:
        """Every field of which only the first value is read, because it should have one: ``PV1-3``; and each
        segment of which only the first is, ``PV1``. (Every PID is among the ``patients``.)"""
        again = [
            name
            for name, some in self._by_name.items()
            if len(some) > 1 and name in SINGLE and name != "PID" and sum(map(_says_something, some)) > 1
        ]
        fields = (place for segment in self.segments if segment.may_repeat for place in segment.surplus())
        return list(dict.fromkeys((*again, *fields)))

    @cached_property
    def nhs_numbers(self) -> list[str]:
        """The values of the first PID that are said to be NHS Numbers."""
        return nhs_numbers(self.get("PID"))

    def take_nhs_number(self, number: str) -> None:
        """Let a message that names no NHS Number be read as if it named this one."""
        self.nhs_numbers = [number]
        self._seen.pop("nhs_numbers", None)

    def get(self, key: str, default: Any = None) -> Any:
        """A segment, a list of segments, or one of the other keys."""
        value = self._seen.get(key, _UNSEEN)
        if value is _UNSEEN:
            value = self._seen[key] = self._find(key)
        return default if value is None else value

    def _find(self, key: str) -> Any:
        named = self._by_name.get(key)
        if named is not None:
            if key not in SINGLE:
                return named
            return named[0] if len(named) == 1 else next(filter(_says_something, named), named[0])
        if key in _BESIDE:
            return _BESIDE[key](self)
        return [] if _may_repeat(key) else None

    def __getitem__(self, key: str) -> Any:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        return f"<Message of {len(self.segments)} segments>"


@lru_cache(maxsize=1024)
def _may_repeat(key: str) -> bool:
    """Whether a key is the name of a segment that may stand more than once."""
    return bool(_SEGMENT_NAME.match(key)) and key not in SINGLE


def _says_something(segment: Segment) -> bool:
    return any(segment.cells[1:])


_BESIDE: dict[str, Callable[[Message], Any]] = {
    "segments": lambda message: message.segments,
    "patients": lambda message: message._by_name.get("PID", []),
    "orders": lambda message: message.orders,
    "deleted": lambda message: message.deleted,
    "surplus": lambda message: message.surplus,
    "event": lambda message: message.event,
    "notes": lambda message: [note for note in message.get("NTE") if note.order is None],
    "nhs_numbers": lambda message: message.nhs_numbers,
    "local_identifiers": lambda message: local_identifiers(message.get("PID")),
    "other_patient": lambda message: _other(message),
    "documents": lambda message: documents(message.get("OBX"), strings="TXA" in message._by_name),
    "timing": timing,
    "vaccinations": lambda message: vaccinations(message.segments),
}


def _other(message: Message) -> Message | None:
    segments = other_patient(message.event, message.segments)
    return None if segments is None else Message(segments, message.delimiters)


def parse(raw: bytes) -> Message:
    """Read one message: bytes that begin with MSH.

    Segments end in CR, LF or both. A line that is no segment belongs to the text before it where
    segments end in CR, and is an error elsewhere. Raises DecodeError, which names the segment and
    the field and never what stands in it.
    """
    delimiters, declared = _preamble(raw)
    text = to_text(raw, declared)
    lines = [line for line in text.replace("\r\n", "\r").split("\r") if line]
    if "\n" in text:
        lines = _break_at_newlines(lines, delimiters.field, tolerant="\r" in text)
    if len(lines) > MAX_SEGMENTS:
        raise DecodeError(f"more than {MAX_SEGMENTS} segments", code="too-many-segments", where="message")
    return Message([_segment(n, line, delimiters) for n, line in enumerate(lines, 1)], delimiters)


def read_header(raw: bytes) -> Segment | None:
    """The MSH of a message that may be unreadable otherwise; None where not even that can be read."""
    head = as_ascii_based(raw[:16384])
    start = head.find(b"MSH")
    line = re.split(rb"[\r\n\x1c]", head[start:], maxsplit=1)[0] if start >= 0 else b""
    try:
        delimiters, declared = _preamble(line)
    except DecodeError:
        return None
    try:
        text = to_text(line, declared)
    except DecodeError:
        text = line.decode("iso-8859-1")
    return Segment("MSH", text, delimiters)


def _preamble(raw: bytes) -> tuple[Delimiters, tuple[str, ...]]:
    """The delimiters and the character sets, from the bytes of MSH alone."""
    line = re.split(rb"[\r\n]", raw[:16384], maxsplit=1)[0]
    header = line.decode("iso-8859-1")
    if len(header) < 8 or not header.startswith("MSH"):
        raise DecodeError(
            "the message does not begin with an MSH segment", code="no-header", where="segment 1"
        )
    cells = header.split(header[3])
    delimiters = delimiters_of(header[3], cells[1])
    sets = cells[17] if len(cells) > 17 else ""
    names = sets.split(delimiters.repetition) if delimiters.repetition else [sets]
    return delimiters, tuple(name.strip() for name in names if name.strip() not in {"", DELETED})


def _segment(number: int, line: str, delimiters: Delimiters) -> Segment:
    name = line[:3]
    if (len(line) > 3 and line[3] != delimiters.field) or not _SEGMENT_NAME.match(name):
        raise DecodeError(
            "not a segment: a name of three capitals and the field separator are needed",
            code="bad-segment",
            where=f"segment {number}",
        )
    if len(line) > MAX_PLACES:
        for separator in (delimiters.field, delimiters.repetition):
            if separator and line.count(separator) > MAX_PLACES:
                raise DecodeError(
                    f"more than {MAX_PLACES} fields or repetitions",
                    code="too-many-fields",
                    where=f"segment {number} ({name})",
                )
    return Segment(name, line, delimiters)


def _break_at_newlines(lines: list[str], separator: str, *, tolerant: bool) -> list[str]:
    """Segments that end in LF; in ``tolerant`` mode an LF before what is no segment is text."""
    broken: list[list[str]] = []
    for line in lines:
        for index, part in enumerate(line.split("\n")):
            begins = bool(_SEGMENT_NAME.match(part[:3])) and part[3:4] in {separator, ""}
            if tolerant and index and not begins and broken:
                broken[-1].append(part)
            elif part:
                broken.append([part])
    return ["\n".join(parts).rstrip("\n") for parts in broken]
