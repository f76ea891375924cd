"""As much of FHIR R4's terminology resources as a release takes up. What else is in them is let be."""

# Attributes are named as FHIR names its elements.
# ruff: noqa: N815

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Coding(_Shape):
    """A coding: its system and code."""

    system: str = ""
    code: str = ""


class Designation(_Shape):
    """CodeSystem.concept.designation."""

    value: str = Field(min_length=1)
    language: str = ""
    use: Coding = Coding()


class Property(_Shape):
    """CodeSystem.concept.property, whichever type its value has."""

    code: str = Field(min_length=1)
    type: str = ""
    text: str = ""

    @model_validator(mode="before")
    @classmethod
    def _value(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        for name, value in given.items():
            if name.startswith("value"):
                kind = name.removeprefix("value")
                kind = kind if kind == "Coding" else kind[:1].lower() + kind[1:]
                text = value.get("code", "") if isinstance(value, dict) else value
                return {"code": given.get("code"), "type": kind, "text": _written(text)}
        return {"code": given.get("code")}


class CodeSystemConcept(_Shape):
    """CodeSystem.concept, with those below it."""

    code: str = Field(min_length=1)
    display: str = ""
    definition: str = ""
    designation: tuple[Designation, ...] = ()
    property: tuple[Property, ...] = ()
    concept: tuple[CodeSystemConcept, ...] = ()


class _Canonical(_Shape):
    url: str = Field(min_length=1)
    version: str = ""
    name: str = ""
    title: str = ""
    language: str = "en"


class CodeSystem(_Canonical):
    """A code system."""

    content: str
    hierarchyMeaning: str = ""
    concept: tuple[CodeSystemConcept, ...] = ()


class ValueSet(_Canonical):
    """A value set: only who it is."""


class Depends(_Shape):
    """ConceptMap.group.element.target.dependsOn."""

    property: str
    value: str = ""


class Target(_Shape):
    """ConceptMap.group.element.target."""

    code: str = ""
    display: str = ""
    equivalence: str = "relatedto"
    comment: str = ""
    dependsOn: tuple[Depends, ...] = ()

    @property
    def rule(self) -> str:
        """What it holds under, in words."""
        return " and ".join(f"{each.property} is {each.value}" for each in self.dependsOn)


class Element(_Shape):
    """ConceptMap.group.element."""

    code: str = Field(min_length=1)
    target: tuple[Target, ...] = ()


class Unmapped(_Shape):
    """ConceptMap.group.unmapped."""

    mode: str
    code: str = ""
    display: str = ""


class Group(_Shape):
    """ConceptMap.group."""

    source: str = ""
    target: str = ""
    element: tuple[Element, ...] = ()
    unmapped: Unmapped | None = None


class ConceptMap(_Canonical):
    """A concept map."""

    group: tuple[Group, ...] = ()


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
