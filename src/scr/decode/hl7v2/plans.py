"""How the fields of a segment are read all at once, by the tables: most are there or not, and plain.

To find a field when it is asked for costs a microsecond, and a mapping asks for a hundred of a message, of
which most are empty. What is not plain (repetitions, a type that another field names, text that is kept as
it stands) is left out here, and found one by one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from scr.decode.hl7v2.tables import AS_IT_STANDS, DATATYPES, SEGMENTS, Field, Shape

_RECURRING = frozenset(
    {"CE", "CF", "CNE", "CWE", "DLD", "FC", "HD", "JCC", "LA2", "MSG", "PL", "PT", "VID", "XCN", "XON"}
)
"""Composites of codes, places, organisations and clinicians: a sender writes the same in many messages."""


class Kind(NamedTuple):
    """A composite: the name and shape of each component (None: text); and what an empty one is.

    ``name`` is its datatype; ``recurs`` says that it tells of no patient, and is worth remembering.
    """

    name: str
    recurs: bool
    shape: Shape
    places: tuple[tuple[str, Shape | None], ...]
    empty: dict[str, Any]
    names: tuple[str, ...]
    inner: tuple[tuple[int, str, Shape], ...]
    """Those that have a shape, with their place from 0."""


class Plan(NamedTuple):
    """A segment: for each cell its name (empty where it is not read at once), what it is made of, and whether
    it repeats; and what an empty one is."""

    places: tuple[tuple[str, Kind | None, bool], ...]
    empty: dict[str, Any]


def _kind(name: str, shape: Shape) -> Kind:
    places = tuple((field.name, DATATYPES.get(field.datatype)) for field in shape.fields)
    names = tuple(name for name, _ in places)
    inner = tuple((place, name, within) for place, (name, within) in enumerate(places) if within and name)
    empty: dict[str, Any] = {name: None for name in names if name}
    return Kind(name, name in _RECURRING, shape, places, empty, names, inner)


KINDS = {name: _kind(name, shape) for name, shape in DATATYPES.items()}
"""The composites by datatype."""


def _plan(shape: Shape) -> Plan:
    places = tuple(_place(field) for field in shape.fields)
    return Plan((("", None, False), *places), {n: [] if repeats else None for n, _, repeats in places if n})


def _place(field: Field) -> tuple[str, Kind | None, bool]:
    plain = field.datatype != "?" and field.datatype not in AS_IT_STANDS
    return (field.name if plain else "", KINDS.get(field.datatype), field.repeats)


_SEEN_IN_PART = frozenset({"MSH", "FHS", "BHS"})
"""Segments of which two or three of many fields are asked for."""

PLANS = {name: _plan(shape) for name, shape in SEGMENTS.items() if name not in _SEEN_IN_PART}
"""The plans by segment."""
