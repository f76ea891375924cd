"""A question as another terminology server may see it: codes and expressions, and nobody's words.

What a person typed or a record holds beside a code (a display, a text) is left out. A question that cannot
be put without it, or that may hold an NHS Number, is not put at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scr.fhir.entry import Resource
from scr.fhir.identifiers import NHSNumber
from scr.terminology.operations.definition import Include, read_definition
from scr.terminology.operations.question import Asked, Question
from scr.terminology.systems import DMD, SNOMED_CT

_URIS = frozenset({"url", "system", "source", "target", "targetsystem"})
_CODES = frozenset({"code", "codeA", "codeB", "property", "displayLanguage"})
_TEXTS = frozenset({"version", "valueSetVersion", "conceptMapVersion", "systemVersion"})
_BOOLEANS = frozenset({"activeOnly", "includeDesignations", "reverse", "abstract", "excludeNested"})
_NUMBERS = frozenset({"offset", "count"})
_NOT_TYPED = re.compile(r"\d{3}|[@_|]")
"""What no term has that is looked for, and what an identifier or an address of a person may have."""
_NUMERIC = frozenset({SNOMED_CT, DMD})


def forwarded(question: Question) -> Resource | None:
    """The Parameters that may be sent; None where the question stays here."""
    if _NOT_TYPED.search(question.text("filter")) or any(_is_somebody(one) for one in _every_code(question)):
        return None
    parts = [
        part for name, values in question.values.items() for value in values if (part := _part(name, value))
    ]
    for name, asked in question.codings.items():
        codings = [{"system": one.coded.system, "code": one.coded.code} for one in asked]
        if name == "codeableConcept":
            parts.append({"name": name, "valueCodeableConcept": {"coding": codings}})
        else:
            parts += [{"name": name, "valueCoding": coding} for coding in codings]
    if question.value_set is not None:
        parts.append({"name": "valueSet", "resource": _value_set(question.value_set)})
    return {"resourceType": "Parameters", "parameter": parts}


def _part(name: str, value: str) -> Resource | None:
    if name in _URIS:
        return {"name": name, "valueUri": value}
    if name in _CODES:
        return {"name": name, "valueCode": value}
    if name in _TEXTS or name == "filter":
        return {"name": name, "valueString": value}
    if name in _BOOLEANS:
        return {"name": name, "valueBoolean": value == "true"}
    if name in _NUMBERS and value.isdigit():
        return {"name": name, "valueInteger": int(value)}
    return None


def _every_code(question: Question) -> Iterator[tuple[str, str]]:
    system = question.text("system") or question.text("url")
    for name in ("code", "codeA", "codeB"):
        yield system, question.text(name)
    for asked in question.codings.values():
        for one in asked:
            yield (one.coded.system or system), one.coded.code


def _is_somebody(coded: tuple[str, str]) -> bool:
    """Whether what stands as a code may be an NHS Number. SNOMED CT has identifiers of ten digits too."""
    system, code = coded
    try:
        NHSNumber.parse(code)
    except ValueError:
        return False
    return system not in _NUMERIC


def _value_set(written: object) -> Resource:
    """The value set with what chooses codes, and no more."""
    definition = read_definition(written)
    compose: Resource = {"include": [_include(one) for one in definition.include]}
    if definition.exclude:
        compose["exclude"] = [_include(one) for one in definition.exclude]
    if not definition.inactive:
        compose["inactive"] = False
    return {"resourceType": "ValueSet", "status": "active", "compose": compose}


def _include(one: Include) -> Resource:
    written: Resource = {"system": one.system} if one.system else {}
    if one.listed:
        written["concept"] = [{"code": code} for code in one.listed]
    if one.filters:
        written["filter"] = [
            {"property": each.property, "op": each.op, "value": each.value} for each in one.filters
        ]
    if one.value_sets:
        written["valueSet"] = list(one.value_sets)
    return written


def names_left_out(question: Question) -> bool:
    """Whether a display was asked about, which is not sent."""
    every: list[Asked] = [one for asked in question.codings.values() for one in asked]
    return bool(question.text("display")) or any(one.display for one in every)
