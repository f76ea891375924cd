"""What an operation is asked with: the query of a GET, or the Parameters in the body of a POST.

https://hl7.org/fhir/R4/operations.html, https://hl7.org/fhir/R4/parameters.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scr.errors import Invalid
from scr.fhir.entry import Resource

_MAX_PARTS = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters in their order, each as text, and the resources among them by name.

    ``whole`` is the body where that is a resource and no Parameters; ``kind`` the type that is asked of.
    """

    pairs: Sequence[tuple[str, str]] = ()
    resources: Mapping[str, Resource] = field(default_factory=dict, repr=False)
    whole: Resource | None = field(default=None, repr=False)
    kind: str = ""

    def only(self, operation: str, known: frozenset[str]) -> Asked:
        """The same. Raises Invalid at a parameter that the operation does not have: one that narrows must
        not be passed over."""
        for name in (*(name for name, _ in self.pairs), *self.resources):
            if name not in known:
                raise Invalid(
                    f"not a parameter of ${operation} here; known: {', '.join(sorted(known))}",
                    code="unknown-parameter",
                    where=name[:40],
                )
        return self

    def text(self, name: str) -> str:
        """The value of a parameter that may stand once; empty where it does not. Raises Invalid."""
        found = [value for one, value in self.pairs if one == name]
        if len(found) > 1:
            raise Invalid("may stand once", code="bad-parameter", where=name)
        return found[0] if found else ""

    def truth(self, name: str) -> bool:
        """The value of a boolean; false where it does not stand. Raises Invalid."""
        value = self.text(name)
        if value not in ("", "true", "false"):
            raise Invalid("must be true or false", code="bad-parameter", where=name)
        return value == "true"

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 to ``most``. Raises Invalid."""
        value = self.text(name)
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and len(value) <= 9 and int(value) > 0):
            raise Invalid("must be a whole number of 1 or more", code="bad-parameter", where=name)
        return min(int(value), most)


def asked_of(body: Resource) -> Asked:
    """The parameters in a body. Raises Invalid where they cannot be read."""
    if body.get("resourceType") != "Parameters":
        return Asked(whole=body)
    pairs: list[tuple[str, str]] = []
    resources: dict[str, Resource] = {}
    parts = body.get("parameter", [])
    if not isinstance(parts, list) or len(parts) > _MAX_PARTS:
        raise Invalid("Parameters has a list of parameters", code="bad-parameters")
    for part in parts:
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str):
            raise Invalid("each parameter has a name", code="bad-parameters")
        if "resource" not in part:
            pairs.append((name, _text(part, name)))
        elif name in resources or not isinstance(part["resource"], dict):
            raise Invalid("holds one resource, and stands once", code="bad-parameters", where=name[:40])
        else:
            resources[name] = part["resource"]
    return Asked(pairs, resources)


def _text(part: Mapping[str, Any], name: str) -> str:
    """A value as it would stand in a query."""
    values = [value for key, value in part.items() if key.startswith("value")]
    if len(values) == 1:
        [value] = values
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float):
            return str(value)
        if isinstance(value, dict):
            found = _token(value)
            if found is not None:
                return found
    raise Invalid("has one value that is read here", code="bad-parameters", where=name[:40])


def _token(value: Mapping[str, Any]) -> str | None:
    """An identifier, a coding, a concept of one coding, or a reference."""
    codings = value.get("coding")
    if isinstance(codings, list) and len(codings) == 1 and isinstance(codings[0], dict):
        return _token(codings[0])
    for key in ("value", "code"):
        if isinstance(value.get(key), str):
            return f"{value['system']}|{value[key]}" if isinstance(value.get("system"), str) else value[key]
    reference = value.get("reference")
    return reference if isinstance(reference, str) else None
