"""What an endpoint's capability statement claims. https://hl7.org/fhir/R4/capabilitystatement.html"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from scr.errors import Invalid
from scr.fhir.canonical import BASE
from scr.fhir.conforming.checks import Check
from scr.fhir.entry import Resource

_VALUES = {
    "token": "x",
    "string": "a",
    "date": "ge1900-01-01",
    "reference": "none-has-this-id",
    "quantity": "gt0",
    "number": "gt0",
    "uri": "http://example.org/x",
}
"""A value that can be read, by type of parameter; composite and special ones have none that fits all."""
_NAMES_THE_PERSON = frozenset({"patient", "subject"})
Variables = dict[str, str]


@dataclass(frozen=True, slots=True)
class TypeClaims:
    """What is claimed of a resource type. ``operations``: name and definition."""

    name: str
    interactions: frozenset[str]
    parameters: tuple[tuple[str, str], ...] = ()
    includes: tuple[str, ...] = ()
    operations: tuple[tuple[str, str], ...] = ()

    @property
    def is_of_a_person(self) -> bool:
        """Whether it is searched by its patient."""
        return self.name == "Patient" or "patient" in {name for name, _ in self.parameters}


@dataclass(frozen=True, slots=True)
class Claims:
    """What is claimed of an endpoint."""

    types: tuple[TypeClaims, ...]
    system: frozenset[str]
    formats: frozenset[str]
    software: str = ""
    base: str = ""
    problems: tuple[str, ...] = field(default=())


def claims_of(statement: Resource, base: str) -> Claims:
    """Read a capability statement. Raises Invalid where it is none of a server."""
    rest = [one for one in _list(statement, "rest") if one.get("mode") == "server"]
    if statement.get("resourceType") != "CapabilityStatement" or len(rest) != 1:
        raise Invalid("metadata is no CapabilityStatement of one server", code="no-statement")
    types = tuple(_type(one) for one in _list(rest[0], "resource"))
    return Claims(
        types=types,
        system=frozenset(str(one.get("code")) for one in _list(rest[0], "interaction")),
        formats=frozenset(map(str, statement.get("format", ()))),
        software=str((statement.get("software") or {}).get("name", "")),
        base=base,
        problems=tuple(_problems(statement, types)),
    )


def subjects_of(check: Check, claims: Claims, kinds: frozenset[str]) -> Iterator[Variables]:
    """What a check is repeated for: the variables of each time. ``kinds``: only these types, all if empty."""
    if check.software and check.software != claims.software:
        return
    if check.format and not any(check.format in one for one in claims.formats):
        return
    if check.when_system and check.when_system not in claims.system:
        return
    if check.unless_system and check.unless_system in claims.system:
        return
    chosen = [one for one in claims.types if _fits(check, one) and (not kinds or one.name in kinds)]
    if check.for_ == "once":
        yield from _once(check, chosen)
        return
    for one in chosen:
        patients = {"Patient": "_id={patient}"}.get(one.name, "patient={patient}")
        for more in _each(check, one, claims):
            yield {"type": one.name, "patients": patients, **more}


def _once(check: Check, chosen: list[TypeClaims]) -> Iterator[Variables]:
    if check.operation:
        kind, _, name = check.operation.partition("/")
        if any(one.name == kind and name in dict(one.operations) for one in chosen):
            yield {"type": kind}
        return
    searched = [one.name for one in chosen if one.name != "Patient" and one.is_of_a_person]
    if check.when and not searched:
        return
    yield {"type": searched[0] if searched else ""}


def _each(check: Check, one: TypeClaims, claims: Claims) -> Iterator[Variables]:
    match check.for_:
        case "each-parameter":
            for name, kind in one.parameters:
                if kind in _VALUES and not _is_the_person(one, name):
                    yield {"parameter": name, "value": _VALUES[kind]}
        case "each-include":
            yield from ({"include": include} for include in one.includes)
        case "each-operation":
            yield from ({"operation": name} for name, _ in one.operations)
        case "each-own-definition":
            own = claims.base if claims.software != "scr" else BASE
            for name, definition in one.operations:
                if definition.startswith(own):
                    yield {"operation": name, "definition": "/".join(definition.split("/")[-2:])}
        case _:
            yield {}


def _is_the_person(one: TypeClaims, name: str) -> bool:
    return name in _NAMES_THE_PERSON or (one.name == "Patient" and name in {"_id", "identifier"})


def _fits(check: Check, one: TypeClaims) -> bool:
    if check.types and one.name not in check.types:
        return False
    if check.unless and check.unless in one.interactions:
        return False
    if not check.when:
        return True
    return check.when in one.interactions and one.is_of_a_person


def _type(told: Resource) -> TypeClaims:
    return TypeClaims(
        name=str(told.get("type")),
        interactions=frozenset(str(one.get("code")) for one in _list(told, "interaction")),
        parameters=tuple((str(p.get("name")), str(p.get("type"))) for p in _list(told, "searchParam")),
        includes=tuple(map(str, told.get("searchInclude", ()))),
        operations=tuple((str(o.get("name")), str(o.get("definition"))) for o in _list(told, "operation")),
    )


def _problems(statement: Resource, types: tuple[TypeClaims, ...]) -> Iterator[str]:
    """What is wrong with the statement itself."""
    if statement.get("fhirVersion") != "4.0.1":
        yield "fhirVersion is not 4.0.1"
    for one in types:
        names = [name for name, _ in one.parameters]
        if len(set(names)) < len(names):
            yield f"{one.name}: a search parameter stands twice"
    if len({one.name for one in types}) < len(types):
        yield "a type stands twice"


def _list(node: Resource, name: str) -> list[dict[str, Any]]:
    found = node.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
