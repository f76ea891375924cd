"""A resource held to a profile: each kind of rule by itself, and the published profiles on their examples."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scr.decode import fhir_xml
from scr.errors import Invalid
from scr.fhir.entry import Resource
from scr.fhir.profiles.check import Checker
from scr.fhir.profiles.tree import Profile, profile_of
from scr.terminology.profiles import FOLDER, load_profiles

URL = "https://profiles.test/StructureDefinition/some"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
NONE = "https://sets.test/none"
SNOMED = "http://snomed.info/sct"


def definition(*elements: Resource, **more: object) -> Resource:
    """A profile of Observation that asks for this."""
    rows = [{"id": "Observation", "path": "Observation"}, *elements]
    return {
        "resourceType": "StructureDefinition", "url": URL, "type": "Observation", "kind": "resource",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Observation",
        "differential": {"element": rows}, **more,
    }  # fmt: skip


def element(name: str, **more: object) -> Resource:
    """One row."""
    return {"id": f"Observation.{name}", "path": f"Observation.{name}", **more}


def observation(**more: object) -> Resource:
    """One that all is well with."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": "laboratory"}]}],
        "code": {"coding": [{"system": SNOMED, "code": "1"}]},
        "component": [{"code": {"text": "a"}, "valueInteger": 1}, {"code": {"text": "b"}}],
        "extension": [{"url": "https://profiles.test/e", "valueString": "x"}],
        "valueQuantity": {"value": 1, "unit": "mm", "code": "mm"},
        **more,
    }


def extension(name: str) -> list[Resource]:
    """The type of an extension that has a profile."""
    return [{"code": "Extension", "profile": [f"https://profiles.test/{name}"]}]


_BY_TOLD = {"discriminator": [{"type": "exists", "path": "valueInteger"}]}
_LAB = {"coding": [{"system": CATEGORY, "code": "laboratory"}]}
_BY_CODE = {"discriminator": [{"type": "value", "path": "coding.code"}], "rules": "open"}
_BY_TEXT = {"discriminator": [{"type": "value", "path": "code.text"}], "rules": "closed"}
_A, _B = element("component:a.code.text", fixedString="a"), element("component:b.code.text", fixedString="b")
RULES: list[tuple[str, list[Resource], Resource, set[tuple[str, str]]]] = [
    ("at least one", [element("subject", min=1)], {}, {("required", "Observation.subject")}),
    ("none at all", [element("valueQuantity", max="0")], {}, {("structure", "Observation.valueQuantity")}),
    ("at most one", [element("component", max="1")], {}, {("structure", "Observation.component")}),
    ("one of a choice", [element("value[x]", min=1)], {"valueQuantity": None},
     {("required", "Observation.value[x]")}),
    ("a type of a choice", [element("value[x]", type=[{"code": "string"}])], {},
     {("structure", "Observation.valueQuantity")}),
    ("a fixed value", [element("status", fixedCode="amended")], {}, {("value", "Observation.status")}),
    ("a fixed value below", [element("value[x].unit", fixedString="cm")], {},
     {("value", "Observation.valueQuantity.unit")}),
    ("a pattern", [element("code", patternCodeableConcept={"coding": [{"code": "2"}]})], {},
     {("value", "Observation.code")}),
    ("a binding", [element("code", binding={"strength": "required", "valueSet": NONE})], {},
     {("code-invalid", "Observation.code")}),
    ("a slice by value",
     [element("category", slicing=_BY_CODE), element("category:lab", min=1, sliceName="lab"),
      element("category:lab.coding.code", fixedCode="laboratory")],
     {"category": [{"coding": [{"code": "imaging"}]}]}, {("required", "Observation.category")}),
    ("what a slice asks for",
     [element("category", slicing=_BY_CODE), element("category:lab", sliceName="lab"),
      element("category:lab.coding.code", fixedCode="laboratory"), element("category:lab.text", min=1)],
     {}, {("required", "Observation.category[0].text")}),
    ("a slice by its whole pattern",
     [element("category", slicing={"discriminator": [{"type": "pattern", "path": "$this"}]}),
      element("category:lab", min=1, sliceName="lab", patternCodeableConcept=_LAB)],
     {"category": [{"text": "other"}]}, {("required", "Observation.category")}),
    ("closed slices", [element("component", slicing=_BY_TEXT), _A], {},
     {("structure", "Observation.component[1]")}),
    ("a slice too often",
     [element("component", slicing=_BY_TEXT), element("component:a", max="0", sliceName="a"), _A, _B],
     {}, {("structure", "Observation.component")}),
    ("an extension by its address",
     [element("extension:o", min=1, sliceName="o", type=extension("o"))],
     {}, {("required", "Observation.extension")}),
    ("a slice of a choice", [element("value[x]:valueQuantity", sliceName="valueQuantity"),
                             element("value[x]:valueQuantity.comparator", min=1)],
     {}, {("required", "Observation.valueQuantity.comparator")}),
    ("what exists", [element("component", slicing=_BY_TOLD),
                     element("component:told", max="0", sliceName="told"),
                     element("component:told.valueInteger", min=1)],
     {}, {("structure", "Observation.component")}),
]  # fmt: skip


def errors(checker: Checker, resource: Resource, url: str = URL) -> set[tuple[str, str]]:
    """What is wrong: code and place."""
    return {(one.code, one.path) for one in checker.check(resource, url) if one.severity == "error"}


def checker(*definitions: Resource) -> Checker:
    """One that knows these, and a value set without codes."""
    profiles = {one.url: one for one in map(profile_of, definitions)}
    nothing: Callable[[str, str], bool] = lambda _system, _code: False  # noqa: E731
    return Checker(profiles, lambda url: nothing if url == NONE else None)


@pytest.mark.parametrize(("rows", "change", "wrong"), [r[1:] for r in RULES], ids=[r[0] for r in RULES])
def test_each_rule(rows: list[Resource], change: Resource, wrong: set[tuple[str, str]]) -> None:
    """What breaks it is found, at its place, and nothing else."""
    resource = {name: value for name, value in observation(**change).items() if value is not None}
    assert errors(checker(definition(*rows)), resource) == wrong


def test_what_is_as_it_should_be_is_let_through() -> None:
    """All the rules of slices, choices and extensions at once, and the profile that it rests on."""
    rows = [
        element("category", min=1, slicing=_BY_CODE),
        element("category:lab", min=1, max="1", sliceName="lab"),
        element("category:lab.coding.system", fixedUri=CATEGORY),
        element("category:lab.coding.code", fixedCode="laboratory"),
        element("component", slicing=_BY_TEXT), _A, _B,
        element("value[x]", min=1, type=[{"code": "Quantity"}]), element("value[x].unit", fixedString="mm"),
        element("extension:e", min=1, sliceName="e", type=extension("e")),
    ]  # fmt: skip
    base = definition(element("status", fixedCode="final"), url=f"{URL}-base")
    made = checker(definition(*rows, baseDefinition=f"{URL}-base"), base)
    assert errors(made, observation()) == set()
    assert errors(made, observation(status="amended")) == {("value", "Observation.status")}


def test_what_cannot_be_looked_at_is_said() -> None:
    """A value set or a base that nobody has, rules in FHIRPath, slices by type: none passes for held."""
    bound = element("code", binding={"strength": "required", "valueSet": "https://sets.test/unknown"})
    rule = {"id": "Observation", "path": "Observation", "constraint": [{"key": "a-1", "expression": "true"}]}
    made = checker(definition(bound, rule, baseDefinition="https://profiles.test/nobody"))
    told = {(one.severity, one.code) for one in made.check(observation(), URL)}
    assert told == {("warning", "not-found"), ("information", "incomplete")}
    assert errors(made, {"resourceType": "Patient"}) == {("structure", "Patient")}
    by_type = element("component", slicing={"discriminator": [{"type": "profile", "path": "$this"}]})
    sliced = element("component:x", min=1, sliceName="x")
    assert errors(checker(definition(by_type, sliced)), observation()) == set()


@pytest.mark.parametrize(
    "broken", [{}, {"resourceType": "StructureDefinition"}, definition(element("x"), type="Patient")]
)
def test_what_is_no_profile_is_refused(broken: Resource) -> None:
    """It says so, and where."""
    with pytest.raises(Invalid) as refused:
        profile_of(broken)
    assert refused.value.code == "bad-profile"


def _published(corpus: Path, home: Path) -> dict[str, Profile]:
    folder = home.joinpath(*FOLDER)
    folder.parent.mkdir()
    folder.symlink_to(corpus / "ukcore" / "structuredefinitions")
    return load_profiles(home)


def _profile_named(name: str, profiles: dict[str, Profile]) -> str | None:
    """The profile that an example is of, by the name of its file."""
    found = [url for url in profiles if name.startswith(url.rpartition("/")[2] + "-")]
    return max(found, key=len) if found and not name.startswith("Extension-") else None


@pytest.mark.corpus
def test_the_published_examples_hold(corpus: Path, tmp_path: Path) -> None:
    """Every example of UK Core holds by its profile; without an element that it requires, it does not."""
    profiles = _published(corpus, tmp_path)
    made = Checker(profiles, lambda _: None)
    looked = broken = 0
    for path in sorted((corpus / "ukcore" / "examples").glob("*.xml")):
        url = _profile_named(path.name, profiles)
        if url is None:
            continue
        resource: dict[str, Any] = fhir_xml.resource(path.read_bytes())
        assert errors(made, resource, url) == set(), path.name
        looked += 1
        for child in profiles[url].root.children.values():
            if child.least and child.name in resource:
                left = copy.deepcopy(resource)
                del left[child.name]
                assert ("required", f"{resource['resourceType']}.{child.name}") in errors(made, left, url)
                broken += 1
    assert looked > 50
    assert broken > 5
    assert _profile_named("UKCore-Nothing.xml", profiles) is None
