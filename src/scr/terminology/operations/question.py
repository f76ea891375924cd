"""A terminology operation as it is asked: from the query of a GET, or from the Parameters of a POST.

https://hl7.org/fhir/R4/operations.html. Every operation has its parameters; another one is refused, because
one that narrows must not be passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from scr.errors import Invalid, NotFound
from scr.terminology.operations.library import Coded

MAX_COUNT = 10_000
_MAX_PARTS = 200
_PASSED = ("_format", "displayLanguage")
OPERATIONS: dict[str, tuple[str, ...]] = {
    "CodeSystem/$lookup": ("code", "system", "version", "coding", "property"),
    "CodeSystem/$validate-code": (
        "url", "system", "code", "version", "display", "coding", "codeableConcept", "abstract",
    ),
    "CodeSystem/$subsumes": ("codeA", "codeB", "system", "version", "codingA", "codingB"),
    "ValueSet/$expand": (
        "url", "valueSet", "valueSetVersion", "filter", "offset", "count", "includeDesignations",
        "activeOnly", "includeDefinition", "excludeNested", "excludeNotForUI", "excludePostCoordinated",
    ),
    "ValueSet/$validate-code": (
        "url", "valueSet", "valueSetVersion", "code", "system", "systemVersion", "display", "coding",
        "codeableConcept", "abstract",
    ),
    "ConceptMap/$translate": (
        "url", "conceptMapVersion", "code", "system", "version", "coding", "codeableConcept",
        "source", "target", "targetsystem", "reverse",
    ),
}  # fmt: skip
"""Each operation and what it may be asked with. What only says how the answer looks is passed over."""
_REPEATED = frozenset({"property"})
_CODINGS = frozenset({"coding", "codeableConcept", "codingA", "codingB"})
_RESOURCES = frozenset({"valueSet"})


class Asked(NamedTuple):
    """A code of a system, and what it is said to be called."""

    coded: Coded
    display: str


@dataclass(frozen=True, slots=True)
class Question:
    """One operation with its parameters, each as text. ``codings`` are by the parameter that held them."""

    operation: str
    values: Mapping[str, tuple[str, ...]]
    codings: Mapping[str, tuple[Asked, ...]]
    value_set: Mapping[str, Any] | None = None

    def text(self, name: str) -> str:
        """The value of a parameter, or nothing."""
        return self.values.get(name, ("",))[0]

    def need(self, name: str) -> str:
        """The value of a parameter. Raises Invalid where it is missing."""
        value = self.text(name)
        if not value:
            raise Invalid("this parameter is needed", code="parameter-needed", where=name)
        return value

    def truth(self, name: str) -> bool:
        """The value of a boolean parameter; false where it is missing."""
        value = self.text(name)
        if value not in ("", "true", "false"):
            raise Invalid("must be true or false", code="bad-parameter", where=name)
        return value == "true"

    def number(self, name: str) -> int | None:
        """The value of a whole number that is not negative; None where it is missing."""
        value = self.text(name)
        if not value:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 9):
            raise Invalid("must be a whole number, not negative", code="bad-parameter", where=name)
        return int(value)


def from_pairs(operation: str, pairs: Sequence[tuple[str, str]]) -> Question:
    """A question from a query string. Raises Invalid, with the parameter."""
    known = _known(operation)
    values: dict[str, tuple[str, ...]] = {}
    codings: dict[str, tuple[Asked, ...]] = {}
    for name, value in pairs:
        _check(operation, name, known, values)
        if name in _RESOURCES or name == "codeableConcept":
            raise Invalid("this parameter goes in the body of a POST", code="bad-parameter", where=name)
        if name in _CODINGS:
            system, _, code = value.rpartition("|")
            codings[name] = (Asked(Coded(system, code), ""),)
        else:
            values[name] = (*values.get(name, ()), value)
    return Question(operation, values, codings)


def from_parameters(operation: str, body: object) -> Question:
    """A question from a Parameters resource. Raises Invalid, with the parameter."""
    known = _known(operation)
    values: dict[str, tuple[str, ...]] = {}
    codings: dict[str, tuple[Asked, ...]] = {}
    value_set: Mapping[str, Any] | None = None
    for name, part in _parts(body):
        _check(operation, name, known, values)
        if name in _RESOURCES:
            value_set = _mapping(part.get("resource"), name)
        elif name in _CODINGS:
            codings[name] = tuple(_codings(part, name))
        else:
            values[name] = (*values.get(name, ()), _scalar(part, name))
    return Question(operation, values, codings, value_set)


def _known(operation: str) -> tuple[str, ...]:
    try:
        return OPERATIONS[operation]
    except KeyError:
        raise NotFound("there is no such operation here: see metadata", code="unknown-operation") from None


def _check(operation: str, name: str, known: tuple[str, ...], values: Mapping[str, object]) -> None:
    if name not in known and name not in _PASSED:
        raise Invalid(
            f"not a parameter of {operation} here; known: {', '.join(known)}",
            code="unknown-parameter",
            where=name[:40],
        )
    if name in values and name not in _REPEATED:
        raise Invalid("stands twice", code="bad-parameter", where=name)


def _parts(body: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    node = _mapping(body, "Parameters")
    parts = node.get("parameter", [])
    if node.get("resourceType") != "Parameters" or not isinstance(parts, list) or len(parts) > _MAX_PARTS:
        raise Invalid("a Parameters resource is needed", code="bad-parameters", where="Parameters")
    for part in parts:
        each = _mapping(part, "Parameters.parameter")
        yield str(each.get("name", "")), each


def _scalar(part: Mapping[str, Any], name: str) -> str:
    found = [value for key, value in part.items() if key.startswith("value")]
    if len(found) != 1 or not isinstance(found[0], str | int | float):
        raise Invalid("one simple value is needed", code="bad-parameter", where=name)
    return str(found[0]).lower() if isinstance(found[0], bool) else str(found[0])


def _codings(part: Mapping[str, Any], name: str) -> Iterator[Asked]:
    if name == "codeableConcept":
        concept = _mapping(part.get("valueCodeableConcept"), name)
        found = concept.get("coding", [])
    else:
        found = [part.get("valueCoding")]
    if not isinstance(found, list) or len(found) > _MAX_PARTS:
        raise Invalid("a list of codings is needed", code="bad-parameter", where=name)
    for one in found:
        coding = _mapping(one, name)
        told = [coding.get(key, "") for key in ("system", "code", "display")]
        if not all(isinstance(value, str) for value in told):
            raise Invalid("system, code and display are texts", code="bad-parameter", where=name)
        yield Asked(Coded(told[0], told[1]), told[2])


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Invalid("an object is needed", code="bad-parameter", where=name)
    return value
