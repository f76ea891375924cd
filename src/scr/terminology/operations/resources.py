"""FHIR R4 terminology resources, written here and nowhere else: Parameters, ValueSet, CodeSystem, ConceptMap.

https://hl7.org/fhir/R4/parameters.html and the definitions of the operations.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from scr.fhir.entry import Resource
from scr.terminology.conceptmap import ANY, ConceptMap
from scr.terminology.operations.codes import Lookup, Subsumption, Validation
from scr.terminology.operations.expand import Contained, Expansion
from scr.terminology.operations.translate import OWN_MAPS, Match, Translated
from scr.terminology.release.answers import Designation, Property, System
from scr.terminology.shipped import ShippedSystem
from scr.terminology.systems import SNOMED_CT

_FSN = {"system": SNOMED_CT, "code": "900000000000003001", "display": "Fully specified name"}
_SYNONYM = {"system": SNOMED_CT, "code": "900000000000013009", "display": "Synonym"}
_USES = {"fsn": _FSN, "synonym": _SYNONYM}
WARNING = "warning"
"""The parameter in which an answer says that it was not had as it should have been."""
_BOOLEANS = {"true": True, "false": False}


def _parameters(parts: Iterable[Resource | None], warnings: Sequence[str]) -> Resource:
    told = [_string(WARNING, one) for one in warnings]
    return {"resourceType": "Parameters", "parameter": [part for part in (*parts, *told) if part]}


def warned(resource: Resource, warning: str) -> Resource:
    """An answer of any operation that says one thing more."""
    if resource["resourceType"] == "Parameters":
        return {**resource, "parameter": [*resource.get("parameter", ()), _string(WARNING, warning)]}
    expansion = resource.get("expansion") or {}
    said = [*expansion.get("parameter", ()), _string(WARNING, warning)]
    return {**resource, "expansion": {**expansion, "parameter": said}}


def _string(name: str, value: str) -> Resource:
    return {"name": name, "valueString": value}


def _maybe(name: str, value: str) -> Resource | None:
    return _string(name, value) if value else None


def lookup_parameters(found: Lookup, warnings: Sequence[str] = ()) -> Resource:
    """The answer of ``$lookup``."""
    inactive: Resource = _property("inactive", {"valueBoolean": not found.active})
    return _parameters(
        (
            _string("name", found.name or found.system),
            _maybe("version", found.version),
            _string("display", found.display or found.code),  # there are concepts without a term
            _maybe("definition", found.definition),
            *(_designation_part(one) for one in found.designations),
            inactive,
            *(_property(one.code, _value(one)) for one in found.properties),
        ),
        warnings,
    )


def _designation_part(one: Designation) -> Resource:
    part: list[Resource] = [{"name": "language", "valueCode": one.language}] if one.language else []
    if one.use in _USES:
        part.append({"name": "use", "valueCoding": _USES[one.use]})
    part.append(_string("value", one.term))
    return {"name": "designation", "part": part}


def _property(code: str, value: Resource) -> Resource:
    return {
        "name": "property",
        "part": [{"name": "code", "valueCode": code}, {"name": "value", **value}],
    }


def _value(one: Property) -> Resource:
    if one.type == "boolean" and one.value in _BOOLEANS:
        return {"valueBoolean": _BOOLEANS[one.value]}
    if one.type == "code" and one.value and one.value == one.value.strip():
        return {"valueCode": one.value}
    if one.type == "dateTime" and one.value:
        return {"valueDateTime": one.value}
    return {"valueString": one.value or "-"}


def validation_parameters(found: Validation, warnings: Sequence[str] = ()) -> Resource:
    """The answer of ``$validate-code``."""
    return _parameters(
        (
            {"name": "result", "valueBoolean": found.result},
            _maybe("message", found.message),
            _maybe("display", found.display),
        ),
        warnings,
    )


def subsumption_parameters(outcome: Subsumption, warnings: Sequence[str] = ()) -> Resource:
    """The answer of ``$subsumes``."""
    return _parameters([{"name": "outcome", "valueCode": outcome}], warnings)


def translation_parameters(found: Translated, warnings: Sequence[str] = ()) -> Resource:
    """The answer of ``$translate``."""
    if found.matches:
        message = "" if found.result else "the code has no target"
    else:
        message = "the map says that the code has no target" if found.known else "no map has the code"
    return _parameters(
        (
            {"name": "result", "valueBoolean": found.result},
            _maybe("message", message),
            *(_match(one) for one in found.matches),
        ),
        warnings,
    )


def _match(one: Match) -> Resource:
    coding: Resource = {"system": one.system, "code": one.code}
    if one.display:
        coding["display"] = one.display
    part: list[Resource] = [
        {"name": "equivalence", "valueCode": one.equivalence},
        {"name": "concept", "valueCoding": coding},
    ]
    if one.map:
        part.append({"name": "source", "valueUri": one.map})
    if one.advice:
        part.append(_string("advice", one.advice))
    return {"name": "match", "part": part}


# -- value sets


def expansion_resource(found: Expansion, at: str, warnings: Sequence[str] = ()) -> Resource:
    """The answer of ``$expand``; ``at`` is the instant at which it was made."""
    definition, page = found.definition, found.page
    expansion: Resource = {"identifier": f"urn:uuid:{uuid.uuid4()}", "timestamp": at}
    if found.total is not None:
        expansion["total"] = found.total
    expansion["offset"] = page.offset
    parameter: list[Resource] = [
        {"name": "version", "valueUri": f"{system}|{version}"}
        for system, version in found.versions
        if version
    ]
    if page.filter:
        parameter.append(_string("filter", page.filter))
    if page.count is not None:
        parameter.append({"name": "count", "valueInteger": page.count})
    if page.active_only:
        parameter.append({"name": "activeOnly", "valueBoolean": True})
    parameter += [_string(WARNING, one) for one in (*_left_out(found), *warnings)]
    if parameter:
        expansion["parameter"] = parameter
    if found.codes:
        expansion["contains"] = [_contained(one) for one in found.codes]
    head = {"url": definition.url, "version": definition.version, "name": definition.name}
    return {
        "resourceType": "ValueSet",
        **{name: value for name, value in head.items() if value},
        "status": "active",
        "expansion": expansion,
    }


def _left_out(found: Expansion) -> list[str]:
    if not found.unknown:
        return []
    first = found.unknown[0]
    rest = f" and {len(found.unknown) - 1} more" if len(found.unknown) > 1 else ""
    return [f"left out, because nobody here knows it: {first.system}|{first.code}{rest}"]


def _contained(one: Contained) -> Resource:
    entry: Resource = {"system": one.system, "code": one.code}
    if one.display:
        entry["display"] = one.display
    if not one.active:
        entry["inactive"] = True
    if one.designations:
        entry["designation"] = [_designation(each) for each in one.designations]
    return entry


def _designation(one: Designation) -> Resource:
    told: Resource = {"value": one.term}
    if one.language:
        told["language"] = one.language
    if one.use in _USES:
        told["use"] = _USES[one.use]
    return told


def all_codes(system: ShippedSystem) -> Resource:
    """The ValueSet of all codes of a small system."""
    return {
        "resourceType": "ValueSet",
        "url": system.value_set,
        "name": system.name,
        "status": "active",
        "compose": {"include": [{"system": system.uri}]},
    }


# -- what is read and searched


def code_system(system: ShippedSystem) -> Resource:
    """A small system as a CodeSystem."""
    concepts: list[Resource] = []
    for one in system.concepts.values():
        concept: Resource = {"code": one.code, "display": one.display}
        if one.parent:
            concept["property"] = [{"code": "parent", "valueCode": one.parent}]
        concepts.append(concept)
    return {
        "resourceType": "CodeSystem",
        "url": system.uri,
        "name": system.name,
        "status": "active",
        "content": "complete" if system.complete else "fragment",
        "caseSensitive": True,
        "valueSet": system.value_set,
        "count": len(concepts),
        "property": [{"code": "parent", "type": "code"}],
        "concept": concepts,
    }


def code_system_elsewhere(system: System) -> Resource:
    """A system of the release that came without a CodeSystem: its address and version, and no codes."""
    told = {"url": system.uri, "version": system.version, "name": system.name}
    return {
        "resourceType": "CodeSystem",
        **{name: value for name, value in told.items() if value},
        "status": "active",
        "content": "not-present",
    }


def concept_map(table: ConceptMap) -> Resource:
    """A table of the project or the deployment as a ConceptMap. The row ``*`` is its ``unmapped``.

    A row for an empty value has no place in FHIR, where every code has a character.
    """
    groups: dict[tuple[str, str], Resource] = {}
    for (source_system, code), target in table.exact.items():
        group = groups.setdefault((source_system, target.system), {"element": []})
        if source_system:
            group["source"] = source_system
        if target.system:
            group["target"] = target.system
        if code == ANY and target.code:
            group["unmapped"] = {"mode": "fixed", "code": target.code}
        if code in (ANY, ""):
            continue
        found: Resource = {"equivalence": "unmatched"}
        if target.code:
            found = {"code": target.code, "equivalence": "equivalent"}
        if target.display:
            found["display"] = target.display
        group["element"].append({"code": code, "target": [found]})
    return {
        "resourceType": "ConceptMap",
        "url": OWN_MAPS + table.name,
        **({"version": table.version} if table.version else {}),
        "name": table.name,
        "status": "active",
        "group": [one for one in groups.values() if one["element"]],
    }
