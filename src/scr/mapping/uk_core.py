"""What UK Core requires beyond FHIR R4: ``conformance/uk-core-required.yaml``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

from scr.data import DataFiles, load_yaml
from scr.fhir.entry import Resource

PROFILES = "https://fhir.hl7.org.uk/StructureDefinition/"


class Requirement(BaseModel):
    """What one profile requires, and of which resources; the file's own head says what each key means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: str
    type: str
    applies: str
    required: tuple[str, ...] = ()
    category: str = ""
    values: dict[str, str] = {}

    def bears_on(self, resource: Resource) -> bool:
        """Whether the resource has to keep to it."""
        if resource.get("resourceType") != self.type:
            return False
        if self.applies == "claimed":
            claims = resource.get("meta", {}).get("profile", ())
            return any(claim.startswith(PROFILES + self.profile) for claim in claims)
        return self.applies == "always" or self.applies in _categories(resource)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    profiles: tuple[Requirement, ...]


def load_requirements(files: DataFiles) -> tuple[Requirement, ...]:
    """The requirements in force. Raises Invalid with file, line and key."""
    return load_yaml(files.find("conformance", "uk-core-required.yaml")).parse(_File).profiles


def missing(resource: Resource, requirements: tuple[Requirement, ...]) -> Iterator[tuple[str, str]]:
    """What a resource lacks: profile, and the element or category."""
    for each in requirements:
        if not each.bears_on(resource):
            continue
        for path in each.required:
            if not _stands(resource, path.split(".")):
                yield each.profile, f"{each.type}.{path}"
        for path, value in each.values.items():
            if value not in _values(resource, path.split(".")):
                yield each.profile, f"{each.type}.{path} {value}"
        if each.category and each.category not in _categories(resource):
            yield each.profile, f"{each.type}.category {each.category}"


def _stands(node: Any, path: list[str]) -> bool:
    """Whether an element has a value; below one that may be left out, wherever that one stands."""
    name, rest = path[0], path[1:]
    if name.endswith("[x]"):
        return any(key.startswith(name[:-3]) for key in node)
    value = node.get(name)
    if not rest:
        return value is not None and value != [] and value != ""
    return all(_stands(part, rest) for part in (value if isinstance(value, list) else [value]) if part)


def _values(node: Any, path: list[str]) -> list[Any]:
    """What stands at a path, of lists in each of their items."""
    found = [node]
    for name in path:
        inner = [one[name] for one in found if isinstance(one, dict) and name in one]
        found = [part for one in inner for part in (one if isinstance(one, list) else [one])]
    return found


def _categories(resource: Resource) -> set[str]:
    found = resource.get("category", ())
    return {
        f"{coding.get('system', '')}|{coding.get('code', '')}"
        for concept in (found if isinstance(found, list) else [found])
        if isinstance(concept, dict)  # AllergyIntolerance.category is a list of plain codes
        for coding in concept.get("coding", ())
    }
