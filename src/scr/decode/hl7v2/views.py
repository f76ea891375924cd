"""Segments as mappings whose values are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping
from itertools import compress
from typing import Any

from scr.decode.hl7v2.composites import DELETED, UNSEEN, composite, leaf, plain_composite, same, split
from scr.decode.hl7v2.plans import KINDS, PLANS
from scr.decode.hl7v2.tables import DATATYPES, NO_SHAPE, SEGMENTS, TEXT, UNTYPED
from scr.decode.hl7v2.text import USUAL, Delimiters

_NOTHING: dict[str, Any] = {}
"""What was seen of a segment of which nothing was asked yet; never written to."""

_WITH_SEPARATOR = frozenset({"MSH", "FHS", "BHS"})
"""Segments whose first field is the separator itself."""

BESIDE: dict[str, Callable[[Segment], Any]] = {
    "NTE": lambda segment: segment.notes,
    "occurrence": lambda segment: segment.occurrence,
    "order": lambda segment: segment.order,
    "segment": lambda segment: segment.name,
}
"""The keys of a segment that are no field of it."""


class Segment(Mapping[str, Any]):
    """One segment. Beside its fields it has these keys, which stand in no iteration but ``NTE``:

    ``segment`` its own name; ``NTE`` the notes that follow an OBX; ``order`` the order group that it
    stands in; ``occurrence`` how many OBX of the group have its OBX-3 and OBX-4, up to itself; and of an
    OBX ``quantity``, ``text_value``, ``range`` and ``shown`` (see ``scr.decode.hl7v2.results``).
    """

    __slots__ = ("_cells", "_delimiters", "_seen", "_shape", "_text", "name", "notes", "occurrence", "order")

    name: str
    occurrence: int

    def __init__(self, name: str, text: str, delimiters: Delimiters) -> None:
        self.name = name
        self.notes: list[Segment] = []
        self.order: dict[str, Any] | None = None
        self.occurrence = 1
        self._text = text
        self._delimiters = delimiters
        self._shape = SEGMENTS.get(name, NO_SHAPE)
        self._cells: list[str] | None = None
        self._seen: dict[str, Any] = _NOTHING

    @property
    def delimiters(self) -> Delimiters:
        """The delimiters of its message."""
        return self._delimiters

    @property
    def cells(self) -> list[str]:
        """The fields as they were sent, by number; 0 is the segment's name."""
        if self._cells is None:
            cells = self._text.split(self._delimiters.field)
            if self.name in _WITH_SEPARATOR:
                cells.insert(1, self._delimiters.field)
            self._cells = cells
        return self._cells

    def get(self, key: str, default: Any = None) -> Any:
        """A field by name or number; the default where it is not there."""
        value = self._seen.get(key, UNSEEN)
        if value is UNSEEN:
            value = self._look(key)
        return default if value is None else value

    def _look(self, key: str) -> Any:
        """A field that was not met yet; the first that is asked for has all of them read."""
        if self._seen is _NOTHING:
            self._seen = self._read()
            if key in self._seen:
                return self._seen[key]
        value = self._seen[key] = self._find(key)
        return value

    def _read(self) -> dict[str, Any]:
        """The fields that can be read all at once; every other is found when it is asked for."""
        text, delimiters, plan = self._text, self._delimiters, PLANS.get(self.name)
        if plan is None or DELETED in text or not delimiters.are_usual or delimiters.escape in text:
            return {}
        seen, cells, separator = plan.empty.copy(), self._cells or self.cells, delimiters.component
        mark = delimiters.repetition if delimiters.repetition in text else ""
        for (name, kind, repeats), cell in compress(zip(plan.places, cells, strict=False), cells):
            if not name:
                continue
            value: Any
            if mark and mark in cell:
                if kind is None or not repeats:
                    del seen[name]
                else:
                    several = (plain_composite(part, kind, delimiters) for part in cell.split(mark))
                    seen[name] = [value for value in several if value is not None]
                continue
            if kind is not None:
                value = plain_composite(cell, kind, delimiters)
            elif separator in cell:
                del seen[name]
                continue
            else:
                value = cell.strip()
            if value:
                seen[name] = [value] if repeats else value
        return seen

    def _find(self, key: str) -> Any:
        number = self._shape.numbers.get(key)
        if number is None:
            if key in BESIDE:
                return BESIDE[key](self)
            number = int(key) if key.isdecimal() and len(key) < 6 else 0
            if number == 0:
                return None
        fields, cells = self._shape.fields, self._cells or self.cells
        _, datatype, repeats = fields[number - 1] if number <= len(fields) else UNTYPED
        text = cells[number] if number < len(cells) else ""
        if not text:
            return [] if repeats else None
        if number <= 2 and self.name == "MSH":
            return text
        if datatype == "?":  # of a type without a shape here (NA, NR) no component is left out
            declared = self.get("value_type") or ""
            datatype = declared if declared in DATATYPES or declared in TEXT else ""
        delimiters = self._delimiters
        shape, mark, separator = DATATYPES.get(datatype), delimiters.repetition, delimiters.component
        if (mark and mark in text) or (shape is None and separator and separator in text):
            return _field(text, datatype, delimiters, repeats=repeats)
        if shape is None:  # one value, as most fields are
            value: Any = leaf(text, datatype, delimiters)
        elif delimiters is USUAL and delimiters.escape not in text and DELETED not in text:
            value = plain_composite(text, KINDS[datatype], delimiters)
        else:
            value = None if text == DELETED else composite(text, separator, shape, delimiters, inner=False)
        return value if not repeats else [] if value is None else [value]

    def deleted(self) -> Iterator[str]:
        """The places of delete indicators in it: ``PID-13``, ``PID-11.2``."""
        if DELETED not in self._text:
            return
        for number, cell in enumerate(self.cells):
            for part in split(cell, self._delimiters.repetition):
                if part == DELETED:
                    yield f"{self.name}-{number}"
                elif DELETED in part:
                    for place, component in enumerate(split(part, self._delimiters.component), 1):
                        if component == DELETED:
                            yield f"{self.name}-{number}.{place}"

    @property
    def may_repeat(self) -> bool:
        """Whether the mark between repetitions stands anywhere in it; in MSH it is named."""
        mark = self._delimiters.repetition
        return bool(mark) and mark in self._text and self.name != "MSH"

    def surplus(self) -> Iterator[str]:
        """The fields that do not repeat by the standard, and were sent with more than one value."""
        if not self.may_repeat:
            return
        mark = self._delimiters.repetition
        fields = self._shape.fields
        for number in [number for number, cell in enumerate(self.cells) if mark in cell]:
            if not 0 < number <= len(fields) or fields[number - 1].repeats:
                continue
            cell = self.cells[number]
            if fields[number - 1].datatype in TEXT:
                continue
            if sum(1 for part in cell.split(mark) if part) > 1:
                yield f"{self.name}-{number}"

    def __getitem__(self, key: str) -> Any:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def items(self) -> ItemsView[str, Any]:
        """Name (or number) and value of each field that holds something, and the notes."""
        fields, known = self._shape.fields, len(self._shape.fields)
        found: dict[str, Any] = {}
        for number, cell in enumerate(self.cells):
            if number and cell and (value := self.get(str(number))):
                found[(fields[number - 1].name if number <= known else "") or str(number)] = value
        if self.notes:
            found["NTE"] = self.notes
        return found.items()

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.items())

    def __len__(self) -> int:
        return len(self.items())

    def __bool__(self) -> bool:  # it is there; to count what it holds would cost reading all of it
        return True

    def __eq__(self, other: object) -> bool:
        return same(self, other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Segment {self.name}>"


def _field(text: str, datatype: str, delimiters: Delimiters, *, repeats: bool) -> Any:
    """The value of a field that holds something: a list where it repeats."""
    mark = delimiters.repetition
    if repeats:
        values = [_value(part, datatype, delimiters) for part in split(text, mark)]
        return [value for value in values if value is not None]
    if mark and mark in text and datatype not in TEXT:
        text = next((part for part in text.split(mark) if part), "")  # the others have no place to go
    return _value(text, datatype, delimiters)


def _value(text: str, datatype: str, delimiters: Delimiters) -> Any:
    if not text or text == DELETED:
        return None
    shape = DATATYPES.get(datatype)
    separator = delimiters.component
    if shape is not None:
        return composite(text, separator, shape, delimiters, inner=False)
    if datatype in TEXT or not separator or separator not in text:
        return leaf(text, datatype, delimiters)
    if datatype == "":
        return composite(text, separator, NO_SHAPE, delimiters, inner=False)
    first = next((part for part in text.split(separator) if part), "")  # one value where one has a place
    return leaf(first, datatype, delimiters)
