"""What stands in parameters that are of no resource: counts, formats, types, and whose record it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from scr.errors import Invalid, NotAcceptable
from scr.fhir.search.escapes import alternatives, bad
from scr.fhir.search.table import searched_types

Pairs = Sequence[tuple[str, str]]
MAX_COUNT = 1000
FORMATS: Mapping[str, str] = {
    "json": "json", "application/json": "json", "application/fhir+json": "json", "text/json": "json",
    "xml": "xml", "application/xml": "xml", "application/fhir+xml": "xml", "text/xml": "xml",
}  # fmt: skip
"""What ``_format`` may say, and which of the two formats it means."""
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")


def parse_types(value: str) -> list[str]:
    """The types of ``_type``. A misspelt one would find nothing, and nothing would look like none."""
    named = alternatives("_type", value)
    for kind in named:
        if kind not in searched_types():
            raise bad("_type", f"{kind[:40]!r} is not a resource type here")
    return named


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
    """``_format``: JSON or XML. Raises NotAcceptable for any other."""
    if value.partition(";")[0].strip().replace(" ", "+") not in FORMATS:
        raise NotAcceptable(
            "JSON and XML are served: use _format=json or _format=xml", code="bad-format", where="_format"
        )


def check_pretty(value: str) -> None:
    """``_pretty``: true or false."""
    if value not in {"true", "false"}:
        raise bad("_pretty", "must be true or false")


def same_person(before: str | None, now: str) -> str:
    """The person of a search, who was named before or was not. Raises Invalid where it is another."""
    if before is not None and before != now:
        raise Invalid("two different persons in one search", code="several-persons", where="patient")
    return now


def patient_id(name: str, modifier: str, value: str, base_url: str) -> str:
    """The logical id of the person whom ``patient`` or ``subject`` names."""
    if modifier not in {"", "Patient"}:
        raise Invalid(
            f"the modifier :{modifier[:40]} is not known here", code="bad-parameter", where=name[:40]
        )
    text = value.removeprefix(f"{base_url}/").removeprefix("Patient/")
    if not _ID.match(text):
        raise Invalid(
            "must be one logical id of a Patient; find it with Patient?identifier=",
            code="bad-parameter",
            where=name,
        )
    return text
