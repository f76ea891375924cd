"""What came of a payload: the FHIR beside its source, and an account of every field, code and value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from scr.decode.tree import Unit
from scr.fhir.validate import validate
from scr.mapping.account import Account, SourceField, Status
from scr.mapping.adapter import Adapter
from scr.mapping.functions import UnmappedCode
from scr.mapping.meaning import Step, Untranslated
from scr.mapping.trial import Outcome, outcomes


@dataclass(frozen=True, slots=True)
class UnitReport:
    """One unit. ``problems`` are the reasons why it would not be filed; ``source`` is its text."""

    place: str
    source: str
    resources: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LossReport:
    """A payload through an adapter. ``units`` are the first ones; every figure is of all.

    ``codes`` and ``unread`` with how often each was met: codes without a row in their map, and
    ``field: function`` of values that could not be read. ``untranslated`` are codes that have no
    national code beside them.
    """

    adapter: str
    format: str
    unit_count: int
    problem_count: int
    resource_count: int
    units: tuple[UnitReport, ...]
    fields: tuple[SourceField, ...]
    codes: tuple[tuple[UnmappedCode, int], ...]
    unread: tuple[tuple[str, int], ...]
    untranslated: tuple[tuple[Untranslated, int], ...] = ()

    def count(self, status: Status) -> int:
        """How many fields are mapped, ignored or unmapped."""
        return sum(1 for each in self.fields if each.status == status)

    @property
    def coverage(self) -> float | None:
        """Mapped and ignored fields over all that held a value, from 0 to 1; None where nothing was read."""
        return 1 - self.count("unmapped") / len(self.fields) if self.fields else None

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "adapter": self.adapter,
            "format": self.format,
            "coverage": None if self.coverage is None else round(self.coverage, 4),
            "counts": {
                "units": self.unit_count,
                "unitsWithProblems": self.problem_count,
                "resources": self.resource_count,
                **{status: self.count(status) for status in ("mapped", "ignored", "unmapped")},
            },
            "fields": [
                {
                    "name": each.name,
                    "status": each.status,
                    "filled": each.filled,
                    "targets": list(each.targets),
                    "reason": each.reason,
                }
                for each in self.fields
            ],
            "unmappedCodes": [{"map": c.map, "code": c.code, "count": n} for c, n in self.codes],
            "unread": [{"what": what, "count": n} for what, n in self.unread],
            "untranslated": [{**each._asdict(), "count": n} for each, n in self.untranslated],
            "units": [
                {
                    "place": unit.place,
                    "problems": list(unit.problems),
                    "source": unit.source,
                    "resources": [orjson.loads(text) for text in unit.resources],
                }
                for unit in self.units
            ],
        }


def report(adapter: Adapter, raw: bytes, show: int = 10, steps: tuple[Step, ...] = ()) -> LossReport:
    """Try an adapter on a payload. ``show`` is how many units are kept in full.

    ``steps`` add codings and labels, as in service.
    """
    account = Account(adapter)
    shown: list[UnitReport] = []
    codes: Counter[UnmappedCode] = Counter()
    unread: Counter[str] = Counter()
    untranslated: Counter[Untranslated] = Counter()
    units = problems = resources = 0
    for outcome in outcomes(adapter, raw, steps):
        units += 1
        found = problems_of(outcome)
        problems += bool(found)
        mapped = outcome.mapped
        if isinstance(outcome.unit, Unit):
            account.add(outcome.unit, mapped.lost if mapped else ())
        if mapped is not None:
            resources += len(mapped.entries)
            codes.update(mapped.unmapped_codes)
            unread.update(mapped.unread)
            untranslated.update(mapped.untranslated)
        if len(shown) < show:
            shown.append(UnitReport(outcome.place, source_text(outcome, raw), _bodies(outcome), found))
    return LossReport(
        adapter=adapter.name,
        format=adapter.decode.format,
        unit_count=units,
        problem_count=problems,
        resource_count=resources,
        units=tuple(shown),
        fields=account.fields(),
        codes=tuple(codes.most_common()),
        unread=tuple(unread.most_common()),
        untranslated=tuple(untranslated.most_common()),
    )


_RECORD = b'{"$record":'
"""What stands around a record of plain JSON when it stands by itself (``scr.decode.plain_json``)."""

_CLAIM_PROBLEMS = {
    "no-nhs-number": "It holds no NHS Number ({at}).",
    "bad-nhs-number": "Its NHS Number ({at}) fails the check, or there are several.",
}


def problems_of(outcome: Outcome) -> tuple[str, ...]:
    """Why a unit would go to quarantine; nothing where it would be filed."""
    told, found = outcome.claim, list[str]()
    if told is not None and told.declined:  # what it is not meant to read comes before what it lacks
        found.append(f"{told.declined}: {told.reason}")
    if told is not None and told.problem:
        found.append(_CLAIM_PROBLEMS[told.problem].format(at=told.number_at))
    if outcome.refused:
        found.append(outcome.refused)
    for body in outcome.bodies:
        found += [f"not valid FHIR R4: {each.path}: {each.sentence}" for each in validate(body)]
    return tuple(found)


def _bodies(outcome: Outcome) -> tuple[str, ...]:
    return tuple(_indented(entry.body) for entry in outcome.mapped.entries) if outcome.mapped else ()


def _indented(body: bytes) -> str:
    return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()


def source_text(outcome: Outcome, raw: bytes) -> str:
    """A unit as people read it: a row cell by cell, JSON indented, anything else as text, line by line."""
    unit = outcome.unit
    if isinstance(unit, Unit) and _is_row(unit.tree):
        return "\n".join(f"{name}: {value}" for name, value in unit.tree.items() if value)
    own = raw if unit is None else unit.raw
    try:
        return _indented(own.removeprefix(_RECORD).removesuffix(b"}") if own.startswith(_RECORD) else own)
    except orjson.JSONDecodeError:
        text = own.decode("utf-8", "replace").removeprefix("\ufeff").strip()
    if text.startswith(("UNA", "UNB", "UNH")):  # EDIFACT: a segment ends with an apostrophe
        text = text.replace("'", "'\n")
    return "\n".join(text.splitlines())


def _is_row(tree: Mapping[str, Any]) -> bool:
    return isinstance(tree, dict) and all(isinstance(value, str) for value in tree.values())
