"""What is made of units that claim the same, before any of it is filed: mapped, and each resource checked.

Pure: the process that files does it, or another one beside it (``scr.intake.ahead``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from scr.decode.tree import Unit
from scr.errors import Invalid
from scr.fhir.entry import Entry
from scr.fhir.validate import validate
from scr.mapping.adapter import Adapter
from scr.mapping.run import Mapped, MappingContext, map_unit


class Made(NamedTuple):
    """What each of some units gives, and what of it is to be filed, in their order."""

    mapped: list[Mapped]
    news: list[Entry]


def make(adapter: Adapter, units: Sequence[Unit], context: MappingContext) -> Made:
    """Map units of one person. Raises MappingError, and Invalid where a resource is not valid."""
    mapped = [map_unit(adapter, unit, context) for unit in units]
    return Made(mapped, _news(units, mapped))


def _news(units: Iterable[Unit], mapped: Iterable[Mapped]) -> list[Entry]:
    """What is to be filed of units, in their order: a unit that says of a thing what the last one said of it
    says nothing new. Raises Invalid where a resource is not valid."""
    found: list[Entry] = []
    last: dict[str, bytes] = {}
    for unit, one in zip(units, mapped, strict=True):
        for entry in one.entries:
            if last.get(entry.reference) != entry.body:
                _check(entry, unit.place)
                last[entry.reference] = entry.body
                found.append(entry)
    return found


def _check(entry: Entry, place: str) -> None:
    """Refuse the unit where a resource made of it is not valid FHIR R4."""
    problems = validate(orjson.loads(entry.body))
    if problems:
        first = problems[0]
        raise Invalid(
            f"the {entry.type} made of it is not valid FHIR R4: {first.path}: {first.sentence}",
            code="invalid-fhir",
            where=place,
        )
