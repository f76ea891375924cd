"""The standard suite that every folder of ``adapters`` gets.

A sample is any file of ``samples``; beside it stands ``<name>.expected.json`` with what it must give.
A sample whose name begins with ``broken`` holds something that must be refused, with its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class

from scr.data import DataFiles, packaged_root
from scr.decode.tree import DecodeError, Unit
from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.fhir.subjects import SUBJECT_FIELDS
from scr.mapping.adapter import Adapter, load_adapters
from scr.mapping.closures import Frame
from scr.mapping.functions import MappingFunctions
from scr.mapping.run import Claim, Mapped, MappingContext, claim, map_unit
from scr.mapping.template import scopes

SUBJECT = "the-person"
NOW = 1_772_000_000_000
ROOT = packaged_root() / "adapters"
NAMES = sorted(path.parent.name for path in ROOT.glob("*/adapter.yaml"))
SAMPLES = sorted(
    (path.parts[-3], path.name)
    for path in ROOT.glob("*/samples/*")
    if path.is_file() and not path.name.endswith(".expected.json")
)


@dataclass(frozen=True)
class Outcome:
    """What one unit of a sample gave, or why it was refused."""

    place: str
    refused: str = ""
    claim: Claim | None = None
    mapped: Mapped | None = None

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The resources, as JSON."""
        return [] if self.mapped is None else [orjson.loads(entry.body) for entry in self.mapped.entries]


@cache
def adapters() -> dict[str, Adapter]:
    """Every adapter that is shipped."""
    return load_adapters(DataFiles())


def outcomes(adapter: Adapter, sample: Path) -> Iterator[Outcome]:
    """What each unit of a sample gives."""
    context = MappingContext(OdsCode("X99999"), SUBJECT, b"key of the samples", NOW, adapter.maps)
    try:
        units = list(adapter.units(sample.read_bytes()))
    except DecodeError as error:
        yield Outcome("payload", refused=str(error))
        return
    for unit in units:
        if not isinstance(unit, Unit):
            yield Outcome(unit.place, refused=str(unit.error))
            continue
        told = claim(adapter, unit)
        try:
            yield Outcome(unit.place, claim=told, mapped=map_unit(adapter, unit, context))
        except ScrError as error:
            yield Outcome(unit.place, refused=str(error), claim=told)


def of(name: str, sample: str) -> list[Outcome]:
    """All outcomes of a sample."""
    return list(outcomes(adapters()[name], ROOT / name / "samples" / sample))


def as_golden(outcome: Outcome) -> dict[str, Any]:
    """An outcome as it stands in a golden; what is empty is left out."""
    told, mapped = outcome.claim, outcome.mapped
    golden: dict[str, Any] = {"place": outcome.place, "refused": outcome.refused}
    if told is not None:
        golden |= {
            "nhsNumber": told.nhs_number.value if told.nhs_number else "",
            "problem": told.problem,
            "declined": told.declined,
            "demographics": {k: v for k, v in zip(_FACTS, orjson.loads(_dump(told)), strict=True) if v},
            "localIds": [list(each) for each in told.local_ids],
            "relationships": [[kind, ods.value] for kind, ods in told.relationships],
        }
    if mapped is not None:
        golden |= {
            "lost": list(mapped.lost),
            "unread": list(mapped.unread),
            "unmappedCodes": [list(each) for each in mapped.unmapped_codes],
            "resources": outcome.bodies,
        }
    return {key: value for key, value in golden.items() if value}


_FACTS = ("family", "given", "birthDate", "sex", "postcode")


def _dump(told: Claim) -> bytes:
    facts = told.demographics
    return orjson.dumps([facts.family, facts.given, facts.birth_date, facts.sex, facts.postcode])


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_and_says_what_it_contributes_to(name: str) -> None:
    """The adapter is valid, and has a README and samples."""
    assert adapters()[name].headings
    assert (ROOT / name / "README.md").is_file()
    assert any(owner == name for owner, _ in SAMPLES)


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_a_sample_gives_what_is_written_beside_it(name: str, sample: str, write_goldens: bool) -> None:
    """The sample's units are claimed and mapped exactly as the golden says."""
    path = ROOT / name / "samples" / sample
    golden = path.with_name(path.name + ".expected.json")
    found = [as_golden(outcome) for outcome in of(name, sample)]
    if write_goldens:
        golden.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert golden.is_file(), "run pytest tests/adapters --write-goldens, and read what it wrote"
    assert json.loads(golden.read_text(encoding="utf-8")) == found


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_what_a_sample_gives_is_valid_r4(name: str, sample: str) -> None:
    """Each resource is valid by the models of fhir.resources."""
    for outcome in of(name, sample):
        for body in outcome.bodies:
            get_fhir_model_class(body["resourceType"]).model_validate(body)


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_every_resource_is_about_the_person_and_from_the_source(name: str, sample: str) -> None:
    """Subject and meta.source are stamped; no id of the source is served."""
    for outcome in of(name, sample):
        for entry, body in zip(outcome.mapped.entries if outcome.mapped else (), outcome.bodies, strict=True):
            assert body["meta"]["source"] == f"urn:ods:X99999#{name}"
            assert len(entry.id) == 26
            if entry.type in SUBJECT_FIELDS or entry.type == "Patient":
                assert f"Patient/{SUBJECT}" in entry.references


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_references_point_to_what_is_there_or_are_the_sources_own(name: str, sample: str) -> None:
    """A reference is to the person, to an entry of the unit, to an opaque id, or an absolute address."""
    for outcome in of(name, sample):
        for entry in outcome.mapped.entries if outcome.mapped else ():
            for reference in entry.references:
                kind, _, local = reference.rpartition("/")
                assert reference == f"Patient/{SUBJECT}" or "://" in kind or len(local) == 26, reference
                assert kind != "Patient" or local == SUBJECT, "a Patient of the source is referred to"


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_mapping_twice_gives_the_same(name: str, sample: str) -> None:
    """Ids and bytes do not depend on the run."""
    assert of(name, sample) == of(name, sample)


@pytest.mark.parametrize("name", NAMES)
def test_something_broken_is_refused_with_its_place(name: str) -> None:
    """Each adapter has a sample that must be refused; the error says where, and holds no NHS Number."""
    broken = [sample for owner, sample in SAMPLES if owner == name and sample.startswith("broken")]
    assert broken, "add samples/broken-…"
    for sample in broken:
        refused = [outcome.refused for outcome in of(name, sample) if outcome.refused]
        assert refused, f"nothing of {sample} is refused"
        assert all(": " in text and "999000" not in text for text in refused)


@pytest.mark.parametrize("name", NAMES)
def test_every_expression_is_used_by_a_sample(name: str) -> None:
    """No expression is there of which nobody has seen what it gives."""
    adapter = adapters()[name]
    seen: set[str] = set()
    for owner, sample in SAMPLES:
        if owner == name:
            _run_all(adapter, (ROOT / name / "samples" / sample).read_bytes(), seen)
    assert sorted(set(adapter.expressions) - seen) == []


def _run_all(adapter: Adapter, raw: bytes, seen: set[str]) -> None:
    """Run every expression of the adapter over a payload, noting those that gave a value."""
    try:
        units = [unit for unit in adapter.units(raw) if isinstance(unit, Unit)]
    except DecodeError:
        return
    for unit in units:
        frame = Frame(unit.tree, MappingFunctions(adapter.maps), seen=seen)
        fixed = [
            adapter.nhs_number,
            *adapter.demographics.values(),
            *(run for _, run in adapter.relationships),
        ]
        fixed += [refusal.when for refusal in adapter.refusals]
        fixed += [adapter.local_ids.run] if adapter.local_ids is not None else []
        for run in fixed:
            if run is not None:
                run(unit.tree, frame)
        for rule in adapter.rules or ():
            for scope in scopes(rule.words, unit.tree, frame):
                rule.template.run(scope, frame)
