"""An adapter tried on a payload: what each unit gives, and as what that is written beside a sample.

A trial files nothing and knows nobody: the person is ``the-person``, the source ``X99999``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.errors import ScrError
from scr.fhir.entry import Resource
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import Adapter
from scr.mapping.meaning import Step
from scr.mapping.run import Claim, Mapped, MappingContext, claim, map_unit

SUBJECT = "the-person"
SOURCE = OdsCode("X99999")
NOW = 1_772_000_000_000
_KEY = b"key of the samples"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one unit gave, or why it was refused. ``unit`` is None where nothing could be decoded."""

    place: str
    unit: Unit | BadUnit | None = field(default=None, compare=False)
    refused: str = ""
    claim: Claim | None = None
    mapped: Mapped | None = None

    @property
    def bodies(self) -> list[Resource]:
        """The resources, as JSON."""
        return [] if self.mapped is None else [orjson.loads(entry.body) for entry in self.mapped.entries]


def outcomes(adapter: Adapter, raw: bytes, steps: tuple[Step, ...] = ()) -> Iterator[Outcome]:
    """What each unit of a payload gives, one at a time; a payload that cannot be decoded is one outcome.

    ``steps`` are those of the deployment; a sample's golden has none, because releases come and go.
    """
    context = MappingContext(SOURCE, SUBJECT, _KEY, NOW, adapter.maps, steps=steps)
    try:
        for unit in adapter.units(raw):
            yield _outcome(adapter, unit, context)
    except DecodeError as error:
        yield Outcome("payload", refused=str(error))


def _outcome(adapter: Adapter, unit: Unit | BadUnit, context: MappingContext) -> Outcome:
    if isinstance(unit, BadUnit):
        return Outcome(unit.place, unit, refused=str(unit.error))
    told = None
    try:
        told = claim(adapter, unit)
        if told.nothing:
            return Outcome(unit.place, unit, claim=told)
        return Outcome(unit.place, unit, claim=told, mapped=map_unit(adapter, unit, context))
    except ScrError as error:
        return Outcome(unit.place, unit, refused=str(error), claim=told)


def as_golden(outcome: Outcome) -> dict[str, Any]:
    """An outcome as it stands in ``<sample>.expected.json``; what is empty is left out."""
    told, mapped = outcome.claim, outcome.mapped
    golden: dict[str, Any] = {"place": outcome.place, "refused": outcome.refused}
    if told is not None:
        golden |= {
            "nhsNumber": told.nhs_number.value if told.nhs_number else "",
            "problem": told.problem,
            "declined": told.declined,
            "nothing": told.nothing,
            "demographics": _facts(told),
            "localIds": [list(each) for each in told.local_ids],
            "relationships": [[kind, ods.value] for kind, ods in told.relationships],
        }
    if mapped is not None:
        golden |= {
            "lost": list(mapped.lost),
            "unread": list(mapped.unread),
            "unmappedCodes": [list(each) for each in mapped.unmapped_codes],
            "resources": outcome.bodies,
        }
    return {key: value for key, value in golden.items() if value}


def _facts(told: Claim) -> dict[str, Any]:
    facts = told.demographics
    found = {
        "family": facts.family,
        "given": list(facts.given),
        "birthDate": facts.birth_date,
        "sex": facts.sex,
        "postcode": facts.postcode,
    }
    return {name: value for name, value in found.items() if value}
