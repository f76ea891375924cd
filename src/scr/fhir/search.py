"""Search over the entries of one person, stored and live alike.

https://hl7.org/fhir/R4/search.html. A search names its person (``patient`` or ``subject``), narrows
with token and date parameters, and sorts. A parameter that is not known is refused: one that
narrows is never ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from scr.errors import Invalid
from scr.fhir.dates import interval
from scr.fhir.entry import Entry

MAX_COUNT = 1000
Test = Callable[[Entry], bool]
Pairs = Sequence[tuple[str, str]]

_CLINICAL = {
    "AllergyIntolerance": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
    "Condition": "http://terminology.hl7.org/CodeSystem/condition-clinical",
}
"""The code system of ``clinicalStatus``, of which an Entry has the code only."""

_TOKENS: dict[str, Callable[[Entry], tuple[str, ...]]] = {
    "code": lambda entry: entry.codes,
    "category": lambda entry: entry.categories,
    "status": lambda entry: () if entry.status is None else (f"|{entry.status}",),
    "clinical-status": lambda entry: (
        () if entry.status is None else (f"{_CLINICAL.get(entry.type, '')}|{entry.status}",)
    ),
    "_security": lambda entry: entry.labels,
    "_id": lambda entry: (f"|{entry.id}",),
}
_DATES: dict[str, Callable[[Entry], tuple[int, int] | None]] = {
    "date": lambda entry: entry.when,
    "_lastUpdated": lambda entry: (entry.last_updated, entry.last_updated + 1),
}
_SORTS: dict[str, Callable[[Entry], str | int | None]] = {
    "date": lambda entry: entry.when[0] if entry.when else None,
    "_lastUpdated": lambda entry: entry.last_updated,
    "_id": lambda entry: entry.id,
    "code": lambda entry: entry.codes[0] if entry.codes else None,
    "status": lambda entry: entry.status,
    "category": lambda entry: entry.categories[0] if entry.categories else None,
}
_PERSON = ("patient", "subject")
_ONCE = frozenset({"_count", "_sort", "_format"})
_BARE = frozenset({"status", "_id"})
"""Tokens without a system: one that is given could match nothing, and nothing would look like none."""
STATUS_BY_CLINICAL = frozenset(_CLINICAL)
_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(\d.*)\Z")

SEARCH_PARAMETERS: dict[str, str] = {
    "patient": "reference",
    "code": "token",
    "category": "token",
    "status": "token",
    "date": "date",
    "_id": "token",
    "_lastUpdated": "date",
    "_security": "token",
}
"""What the capability statement lists, by FHIR search parameter type."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was read: the person, the tests an entry must pass, the order and the page size."""

    patient: str
    tests: tuple[Test, ...]
    sort: tuple[tuple[str, bool], ...]
    count: int

    def run(self, entries: Iterable[Entry], kind: str | None) -> list[Entry]:
        """The matching entries of a type (None: of every type) in order; ties keep a stable order."""
        found = [e for e in entries if (kind is None or e.type == kind) and all(t(e) for t in self.tests)]
        return sort_entries(found, self.sort)


_BY_TYPE_AND_ID = attrgetter("reference")  # one string compares faster than two, and in the same order


def sort_entries(entries: list[Entry], sort: tuple[tuple[str, bool], ...]) -> list[Entry]:
    """In the order of the sort keys, what lacks a key last; then by type and id, so that it is total."""
    ordered = sorted(entries, key=_BY_TYPE_AND_ID)
    for name, descending in reversed(sort):
        value = _SORTS[name]
        have = [(value(e), e) for e in ordered]
        present = [pair for pair in have if pair[0] is not None]
        present.sort(key=lambda pair: pair[0], reverse=descending)  # type: ignore[arg-type, return-value]
        ordered = [e for _, e in present] + [e for key, e in have if key is None]
    return ordered


def parse_search(kind: str, pairs: Pairs, *, base_url: str, default_count: int = 100) -> Search:
    """Read the parameters of a search on a type.

    Raises Invalid, naming the parameter, where one is unknown, repeated where it may not be,
    or has a value that cannot be read.
    """
    patient: str | None = None
    tests: list[Test] = []
    sort: tuple[tuple[str, bool], ...] = ()
    count = default_count
    for name, value in once(pairs, _ONCE):
        base, _, modifier = name.partition(":")
        if base in _PERSON:
            patient = _same(patient, _patient_id(base, modifier, value, base_url))
        elif name == "_count":
            count = parse_count(value)
        elif name == "_sort":
            sort = _parse_sort(value)
        elif name == "_format":
            check_format(value)
        else:
            tests.append(_test(kind, base, modifier, value))
    if patient is None:
        raise Invalid(
            "this endpoint answers about one person at a time: give patient=[id]", code="patient-needed"
        )
    return Search(patient, tuple(tests), sort, count)


def once(pairs: Pairs, names: frozenset[str]) -> Pairs:
    """The parameters, of which these may stand once only: which of two is meant cannot be told."""
    given = [name for name, _ in pairs if name in names]
    for name in names:
        if given.count(name) > 1:
            raise Invalid("stands twice", code="bad-parameter", where=name)
    return pairs


def parse_count(value: str) -> int:
    """``_count``: 0 to ``MAX_COUNT``; larger is taken as ``MAX_COUNT``."""
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise Invalid("_count must be a whole number", code="bad-parameter", where="_count")
    return min(int(value), MAX_COUNT)


def check_format(value: str) -> None:
    """``_format``: JSON is what is served."""
    if value not in {"json", "application/json", "application/fhir+json"}:
        raise Invalid("only JSON is served: use _format=json", code="bad-format", where="_format")


def _same(before: str | None, now: str) -> str:
    if before is not None and before != now:
        raise Invalid("two different persons in one search", code="several-persons", where="patient")
    return now


def _patient_id(name: str, modifier: str, value: str, base_url: str) -> str:
    if modifier not in {"", "Patient"}:
        raise Invalid(
            f"the modifier :{modifier[:40]} is not known here", code="bad-parameter", where=name[:40]
        )
    text = value.removeprefix(f"{base_url}/").removeprefix("Patient/")
    if not re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", text):
        raise Invalid(
            "must be one logical id of a Patient; find it with Patient?identifier=",
            code="bad-parameter",
            where=name,
        )
    return text


def _test(kind: str, name: str, modifier: str, value: str) -> Test:
    if modifier not in {"", "not"} or (modifier == "not" and name not in _TOKENS):
        raise Invalid(
            f"the modifier :{modifier[:40]} is not known for {name}", code="bad-parameter", where=name[:40]
        )
    if not value:
        raise Invalid("has no value", code="bad-parameter", where=name[:40])
    if name == "status" and kind in STATUS_BY_CLINICAL:
        raise Invalid(f"{kind} is searched by clinical-status", code="unknown-parameter", where=name[:40])
    if name in _TOKENS and (name != "clinical-status" or kind in STATUS_BY_CLINICAL):
        test = _token_test(name, value)
        return (lambda entry: not test(entry)) if modifier == "not" else test
    if name in _DATES:
        return _date_test(name, _DATES[name], value)
    raise Invalid(
        f"not a search parameter of {kind} here; known: {', '.join(SEARCH_PARAMETERS)}",
        code="unknown-parameter",
        where=name[:40],
    )


def _token_test(name: str, value: str) -> Test:
    """``code``, ``system|code``, ``|code`` (no system), ``system|``; a comma means or."""
    field, wanted = _TOKENS[name], value.split(",")
    if any(want in {"", "|"} for want in wanted):
        raise Invalid("one of the values is empty", code="bad-parameter", where=name)
    if name in _BARE and any(want.rpartition("|")[0] for want in wanted):
        raise Invalid("give the code alone, without a system", code="bad-parameter", where=name)

    def one(want: str, token: str) -> bool:
        if "|" not in want:
            return token.rpartition("|")[2] == want
        system, _, code = want.rpartition("|")
        return token.startswith(f"{system}|") if not code else token == want

    return lambda entry: any(one(want, token) for token in field(entry) for want in wanted)


def _date_test(name: str, field: Callable[[Entry], tuple[int, int] | None], value: str) -> Test:
    """A comma means or; each part has its own prefix. https://hl7.org/fhir/R4/search.html#date"""
    tests = [_one_date(name, part) for part in value.split(",")]

    def test(entry: Entry) -> bool:
        when = field(entry)
        return when is not None and any(t(when) for t in tests)

    return test


def _one_date(name: str, text: str) -> Callable[[tuple[int, int]], bool]:
    match = _PREFIXED.match(text)
    asked = interval(match.group(2).replace(" ", "+")) if match else None
    if match is None or asked is None:
        raise Invalid(
            "must be a date such as 2026-01-31, or with a prefix: ge2026", code="bad-parameter", where=name
        )
    low, high = asked
    margin = (high - low) // 2 + 86_400_000
    compare: dict[str, Callable[[tuple[int, int]], bool]] = {
        "eq": lambda w: low <= w[0] and w[1] <= high,
        "ne": lambda w: not (low <= w[0] and w[1] <= high),
        "gt": lambda w: w[1] > high,
        "lt": lambda w: w[0] < low,
        "ge": lambda w: w[1] > high or (low <= w[0] and w[1] <= high),
        "le": lambda w: w[0] < low or (low <= w[0] and w[1] <= high),
        "sa": lambda w: w[0] >= high,
        "eb": lambda w: w[1] <= low,
        "ap": lambda w: w[0] < high + margin and w[1] > low - margin,
    }
    return compare[match.group(1) or "eq"]


def _parse_sort(value: str) -> tuple[tuple[str, bool], ...]:
    keys: list[tuple[str, bool]] = []
    for part in value.split(","):
        name = part.removeprefix("-")
        if name not in _SORTS:
            raise Invalid(
                f"cannot sort by {name[:40]!r}; known: {', '.join(_SORTS)}",
                code="bad-parameter",
                where="_sort",
            )
        keys.append((name, part.startswith("-")))
    return tuple(keys)
