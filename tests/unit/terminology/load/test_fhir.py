"""FHIR code systems, value sets and concept maps: as JSON, XML, Bundle, folder and NPM package."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from scr.errors import Invalid, TooLarge
from scr.terminology.load import package
from scr.terminology.load.run import load
from scr.terminology.release.reader import Release
from scr.terminology.systems import SNOMED_CT

NOW = 1_760_000_000_000
SYSTEM: dict[str, Any] = {
    "resourceType": "CodeSystem", "url": "urn:example:cs", "version": "2", "name": "Example",
    "status": "active", "content": "complete", "text": {"status": "generated", "div": "<div/>"},
    "concept": [
        {"code": "a", "display": "Alpha", "definition": "The first", "concept": [
            {"code": "b", "display": "Beta", "designation": [
                {"language": "cy", "value": "Beta yn Gymraeg",
                 "use": {"system": "urn:u", "code": "spoken"}}]}]},
        {"code": "c", "display": "Gamma", "property": [
            {"code": "parent", "valueCode": "b"}, {"code": "inactive", "valueBoolean": True},
            {"code": "weight", "valueDecimal": 1.5}]},
    ],
}  # fmt: skip
MAP: dict[str, Any] = {
    "resourceType": "ConceptMap", "url": "urn:example:cm", "version": "3", "name": "ExampleMap",
    "status": "active",
    "group": [{
        "source": "urn:example:cs", "target": SNOMED_CT,
        "element": [
            {"code": "a", "target": [
                {"code": "1", "display": "One", "equivalence": "equal"},
                {"code": "2", "equivalence": "wider", "dependsOn": [{"property": "age", "value": "child"}]}]},
            {"code": "b", "target": [{"equivalence": "unmatched", "comment": "has none"}]},
            {"code": "c"},
        ],
        "unmapped": {"mode": "fixed", "code": "9", "display": "Nine"},
    }],
}  # fmt: skip
SET: dict[str, Any] = {
    "resourceType": "ValueSet", "url": "urn:example:vs", "name": "ExampleSet", "status": "active",
    "compose": {"include": [{"system": "urn:example:cs"}]},
}  # fmt: skip
XML = """<?xml version="1.0"?><CodeSystem xmlns="http://hl7.org/fhir"><url value="urn:example:cs"/>
<version value="2"/><name value="Example"/><status value="active"/><caseSensitive value="true"/>
<content value="complete"/><concept><code value="a"/><display value="Alpha"/>
<concept><code value="b"/><display value="Beta"/></concept></concept></CodeSystem>"""


def below(code: str, parent: str) -> dict[str, object]:
    """A concept that names its parent."""
    return {"code": code, "property": [{"code": "parent", "valueCode": parent}]}


def loaded(tmp_path: Path, **files: object) -> Release:
    """A release of the files given by name (dots as two underscores), each as JSON or as its text."""
    folder = tmp_path / "given"
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return Release(load(tmp_path / "home", [folder], NOW).path)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """All three in a folder."""
    return loaded(tmp_path_factory.mktemp("fhir"), a__json=SYSTEM, b__json=MAP, c__json=SET)


def test_concepts_are_read_with_what_is_below_them(release: Release) -> None:
    """Within one another and by the property `parent`; other languages; properties; what is inactive."""
    assert release.ancestors("urn:example:cs", "c") == {"a", "b"}
    first, last = release.concept("urn:example:cs", "a"), release.concept("urn:example:cs", "c")
    assert first is not None
    assert last is not None
    assert (first.display, first.definition, last.active) == ("Alpha", "The first", False)
    found = {(d.language, d.use, d.term) for d in release.designations("urn:example:cs", "b")}
    assert found == {("en", "synonym", "Beta"), ("cy", "spoken", "Beta yn Gymraeg")}
    told = {(p.code, p.type, p.value) for p in release.properties("urn:example:cs", "c")}
    assert told == {("parent", "code", "b"), ("inactive", "boolean", "true"), ("weight", "decimal", "1.5")}
    assert [hit.code for hit in release.search("urn:example:cs", "gymraeg")] == ["b"]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("a", [("1", "equal", ""), ("2", "wider", "age is child")]),
        ("b", [("", "unmatched", "")]),
        ("c", [("", "unmatched", "")]),
        ("z", [("9", "inexact", "")]),
    ],
)
def test_a_map_is_followed(release: Release, code: str, found: list[tuple[str, str, str]]) -> None:
    """Targets in order with their equivalence and what they depend on; none; all other codes."""
    told = release.translate("urn:example:cs", code, SNOMED_CT)
    assert [(t.code, t.relationship, t.rule) for t in told] == found


def test_resources_are_kept_without_what_is_in_the_tables(release: Release) -> None:
    """A value set whole, a code system and a map without their rows and without narrative."""
    kept = {}
    for kind, url in (
        ("CodeSystem", "urn:example:cs"),
        ("ConceptMap", "urn:example:cm"),
        ("ValueSet", "urn:example:vs"),
    ):
        stored = release.resource(kind, url)
        assert stored is not None
        kept[kind] = json.loads(stored.body)
    assert kept["ValueSet"] == SET
    assert not {"concept", "text", "group"} & (kept["CodeSystem"].keys() | kept["ConceptMap"].keys())
    assert [one.url for one in release.resources("ValueSet")] == ["urn:example:vs"]


def test_xml_and_bundles_say_the_same(tmp_path: Path) -> None:
    """A code system in XML, and the others in a Bundle."""
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": MAP}, {"resource": SET}]}
    release = loaded(tmp_path, a__xml=XML, b__json=bundle)
    assert release.subsumes("urn:example:cs", "a", "b")
    assert release.resource("ValueSet", "urn:example:vs") is not None
    stored = release.resource("CodeSystem", "urn:example:cs")
    assert stored is not None
    assert json.loads(stored.body)["caseSensitive"] is True
    assert [t.code for t in release.translate("urn:example:cs", "a")] == ["1", "2"]


def npm(path: Path, files: dict[str, object]) -> Path:
    """An NPM package."""
    with tarfile.open(path, "w:gz") as made:
        for name, content in files.items():
            raw = json.dumps(content).encode()
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            made.addfile(info, io.BytesIO(raw))
    return path


def test_a_package_is_an_edition_that_its_next_version_replaces(tmp_path: Path) -> None:
    """Name and version are the package's own; what the new version no longer has is gone, the rest stays."""
    about = {"name": "example.terminology", "version": "1.0.0"}
    files: dict[str, object] = {
        "package/package.json": about,
        "package/a.json": SYSTEM,
        "package/b.json": MAP,
        "package/x.json": {"resourceType": "StructureDefinition"},
    }
    load(tmp_path / "home", [npm(tmp_path / "one.tgz", files)], NOW)
    (tmp_path / "set.json").write_text(json.dumps(SET))
    load(tmp_path / "home", [tmp_path / "set.json"], NOW + 1)
    changed = {**SYSTEM, "concept": SYSTEM["concept"][:1]}
    newer = npm(
        tmp_path / "two.tgz",
        {"package/package.json": {**about, "version": "1.1.0"}, "package/a.json": changed},
    )
    release = Release(load(tmp_path / "home", [newer], NOW + 2).path)
    assert {(e.name, e.version) for e in release.editions()} == {
        ("example.terminology", "1.1.0"),
        ("urn:example:vs", ""),
    }
    assert release.concept("urn:example:cs", "c") is None
    assert release.resource("ConceptMap", "urn:example:cm") is None
    assert release.resource("ValueSet", "urn:example:vs") is not None


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ('{"resourceType": "CodeSystem", ', r"line 1: is not JSON|is not JSON"),
        ({**SYSTEM, "url": None}, r"CodeSystem\.url"),
        ({**SYSTEM, "concept": [{"display": "x"}]}, r"CodeSystem\.concept\.0\.code"),
        ({**SYSTEM, "concept": [{"code": "a"}, {"code": "a"}]}, "has the code 'a' twice"),
        ({**SYSTEM, "concept": [below("a", "z")]}, "one of them is not in it"),
        ({**SYSTEM, "concept": [below("a", "b"), below("b", "a")]}, "the hierarchy goes round"),
        ({**SYSTEM, "url": SNOMED_CT}, "read from its Release Format 2"),
        ({**MAP, "group": [{"element": [{"code": "a"}, {"code": "a"}]}]}, "maps the code 'a' twice"),
        ({"resourceType": "Patient"}, "nothing of a known format"),
        (XML.replace("</CodeSystem>", ""), "not valid|XML|well|ends"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(tmp_path: Path, content: object, match: str) -> None:
    """The file and the element are told, and nothing is loaded."""
    name = "a__xml" if isinstance(content, str) and content.startswith("<") else "a__json"
    with pytest.raises(Invalid, match=match):
        loaded(tmp_path, **{name: content})
    assert not list((tmp_path / "home").glob("*"))


def test_the_same_in_two_things_is_refused(tmp_path: Path) -> None:
    """Twice in one folder, or in two things given at once: which would hold?"""
    with pytest.raises(Invalid, match="is there twice"):
        loaded(tmp_path, a__json=SYSTEM, b__json=SYSTEM)
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    one.write_text(json.dumps(SYSTEM))
    two.write_text(json.dumps({"resourceType": "Bundle", "entry": [{"resource": SYSTEM}, {"resource": SET}]}))
    with pytest.raises(Invalid, match="in two of the things that were given"):
        load(tmp_path / "home", [one, two], NOW)


def test_a_small_archive_that_says_it_holds_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what an archive unpacks to nor how many files it has is without bound."""
    path = npm(tmp_path / "one.tgz", {"package/package.json": {}, "package/a.json": SYSTEM})
    monkeypatch.setattr(package, "MOST_RESOURCE_BYTES", 100)
    with pytest.raises(TooLarge, match="unpacks to more"):
        load(tmp_path / "home", [path], NOW)


def test_a_package_cut_short_or_reaching_out_is_harmless(tmp_path: Path) -> None:
    """Half an archive is refused; a name that leads elsewhere is only a name; nothing is written there."""
    path = npm(
        tmp_path / "one.tgz",
        {"package/package.json": {"name": "x", "version": "1"}, "package/a.json": SYSTEM},
    )
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(Invalid, match=r"not a whole tar|cannot be read out of its archive"):
        load(tmp_path / "home", [path], NOW)
    out = npm(tmp_path / "two.tgz", {"../../outside.json": SYSTEM})
    load(tmp_path / "home", [out], NOW)
    assert not (tmp_path.parent / "outside.json").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "one.tgz", "two.tgz"]
