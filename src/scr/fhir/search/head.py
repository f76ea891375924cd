"""Which parameters the head of an entry answers, so that its body is not looked at.

Where R4 looks for a date in one place, and the head takes another place if there is nothing in that (an
observation without ``effective`` has its ``issued``), the parameter finds by what the head has.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from scr.fhir.entry import CODE_FIELDS, Entry, date_fields
from scr.fhir.search.paths import datatypes
from scr.fhir.search.table import Parameter, parameters_of
from scr.fhir.search.times import Interval
from scr.fhir.structure import r4

Tokens = Callable[[Entry], tuple[str, ...]]
Dates = Callable[[Entry], tuple[Interval, ...]]

_CLINICAL = {
    "AllergyIntolerance": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
    "Condition": "http://terminology.hl7.org/CodeSystem/condition-clinical",
}
"""The code system of ``clinicalStatus``, of which an entry has the code only."""
_DATED = frozenset({"date", "dateTime", "instant", "Period", "Timing"})


def _codes(entry: Entry) -> tuple[str, ...]:
    return entry.codes


def _categories(entry: Entry) -> tuple[str, ...]:
    return entry.categories


def _labels(entry: Entry) -> tuple[str, ...]:
    return entry.labels


def _id(entry: Entry) -> tuple[str, ...]:
    return (f"|{entry.id}",)


def _status(entry: Entry) -> tuple[str, ...]:
    return () if entry.status is None else (f"|{entry.status}",)


def _clinical_status(entry: Entry) -> tuple[str, ...]:
    return () if entry.status is None else (f"{_CLINICAL.get(entry.type, '')}|{entry.status}",)


def _when(entry: Entry) -> tuple[Interval, ...]:
    return () if entry.when is None else (entry.when,)


def _updated(entry: Entry) -> tuple[Interval, ...]:
    return ((entry.last_updated, entry.last_updated + 1),)


@lru_cache(maxsize=4096)
def head_tokens(kind: str, name: str) -> Tokens | None:
    """What of the head has the tokens of a parameter of a type; None where the body has to say."""
    parameter = parameters_of(kind)[name]
    if name in {"_id", "_security"}:
        return _id if name == "_id" else _labels
    if parameter.paths == ("category",):
        return _categories
    if parameter.paths == CODE_FIELDS.get(kind, ("code",)):
        return _codes
    if parameter.paths == ("status",):
        return _status
    if parameter.paths == ("clinicalStatus",) and kind in _CLINICAL:
        return _clinical_status
    return None


@lru_cache(maxsize=4096)
def head_dates(kind: str, name: str) -> Dates | None:
    """The same of the intervals of a date parameter."""
    if name == "_lastUpdated":
        return _updated
    parameter = parameters_of(kind)[name]
    return _when if name == "date" and _is_first(kind, parameter) else None


def _is_first(kind: str, parameter: Parameter) -> bool:
    """Whether the head looks for its date where the parameter does, before it looks anywhere else."""
    elements = r4().types.get(kind, {})
    order = [field for field in date_fields(kind) if field in elements and elements[field].type in _DATED]
    return set(order[: len(parameter.paths)]) == set(parameter.paths) and bool(
        datatypes(kind, parameter.paths) & _DATED
    )
