"""Each scenario of ``conformance/reconcile-scenarios.yaml``, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given
from hypothesis import strategies as st

from scr.broker.ledger import Ledger, make_ledger
from scr.broker.reconcile.rules import load_rules
from scr.broker.reconcile.run import reconcile
from scr.data import DataFiles, load_yaml
from scr.errors import Invalid
from scr.fhir.dates import interval
from scr.fhir.entry import Entry, Resource, pack
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import OdsCode
from scr.fhir.reconciled import STATE_EXTENSION, Making
from scr.fhir.search import parse_search
from scr.sources.protocol import Outcome, SourceResult

FILES = DataFiles()
RULES = load_rules(FILES)
NOW = (interval("2026-11-01") or (0, 0))[0]
MAKING = Making("person", b"k" * 32, NOW)
_DATED = {
    "AllergyIntolerance": "recordedDate",
    "Condition": "onsetDateTime",
    "Observation": "effectiveDateTime",
    "Immunization": "occurrenceDateTime",
    "Procedure": "performedDateTime",
}
_TERMS = "http://terminology.hl7.org/CodeSystem"
_PROCEDURE = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-VaccinationProcedure-1"
_CLINICAL = {
    "AllergyIntolerance": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
    "Condition": "http://terminology.hl7.org/CodeSystem/condition-clinical",
}


@dataclass(frozen=True)
class Scenario:
    """One small record, and what is made of it."""

    name: str
    entries: list[list[Any]]
    same: tuple[tuple[str, ...], ...]
    lists: Mapping[str, Sequence[str]]
    differ: Mapping[str, Sequence[Sequence[str]]]
    says: tuple[str, ...] = ()


def _scenarios() -> list[Scenario]:
    document: Any = load_yaml(FILES.find("conformance", "reconcile-scenarios.yaml")).value
    return [
        Scenario(
            one["name"],
            one["entries"],
            tuple(tuple(group) for group in one.get("same", ())),
            one.get("lists", {}),
            one.get("differ", {}),
            tuple(one.get("says", ())),
        )
        for one in document["scenarios"]
    ]


SCENARIOS = _scenarios()


def _entry(logical: str, source: str, kind: str, said: Mapping[str, Any]) -> Entry:
    """The entry of one line of the table."""
    subject = {"reference": "Patient/person"}
    made: Resource = {"resourceType": kind, "id": logical}
    if kind != "CareTeam":
        made["identifier"] = [{"system": f"https://{source.lower()}.example/id", "value": logical}]
    made["patient" if kind in {"AllergyIntolerance", "Immunization", "RelatedPerson"} else "subject"] = (
        subject
    )
    concept: Resource = {"text": said["words"]} if "words" in said else {}
    if "code" in said:
        concept["coding"] = [{"system": "http://snomed.info/sct", "code": said["code"]}]
    builder = _BUILDERS.get(kind)
    if builder is not None:
        builder(made, concept, said)
    if "status" in said:
        if kind in _CLINICAL:
            made["clinicalStatus"] = {"coding": [{"system": _CLINICAL[kind], "code": said["status"]}]}
        else:
            made["status"] = said["status"]
    if "on" in said and kind in _DATED:
        made[_DATED[kind]] = str(said["on"])
    return pack(made, source=source, now=NOW)


def _medicine(made: Resource, concept: Resource, said: Mapping[str, Any]) -> None:
    made["medicationCodeableConcept"] = concept
    request = made["resourceType"] == "MedicationRequest"
    if request:
        made |= {"intent": "order", "authoredOn": str(said["on"])}
    else:
        made["effectivePeriod"] = {"start": str(said["on"])}
        if "until" in said:
            made["effectivePeriod"]["end"] = str(said["until"])
    if "dose" in said:
        made["dosageInstruction" if request else "dosage"] = [{"text": said["dose"]}]
    if "based_on" in said:
        made["basedOn"] = [{"reference": f"MedicationRequest/{one}"} for one in said["based_on"]]


def _clinical(made: Resource, concept: Resource, said: Mapping[str, Any]) -> None:
    made["code"] = concept
    if "site" in said:
        made["bodySite"] = [{"text": said["site"]}]
    if "value" in said:
        made["valueQuantity"] = {"value": said["value"], "unit": said.get("unit", "umol/L")}
    if "category" in said:
        made["category"] = [{"coding": [{"code": said["category"]}]}]
    if "verification" in said:
        made["verificationStatus"] = {"coding": [{"code": said["verification"]}]}


def _immunization(made: Resource, concept: Resource, said: Mapping[str, Any]) -> None:
    made["vaccineCode"] = concept
    if "procedure" in said:
        coding = [{"system": "http://snomed.info/sct", "code": said["procedure"]}]
        concept["coding"] = [{"system": f"{_TERMS}/v3-NullFlavor", "code": "UNK"}]
        made["extension"] = [{"url": _PROCEDURE, "valueCodeableConcept": {"coding": coding}}]


def _contact(made: Resource, concept: Resource, said: Mapping[str, Any]) -> None:
    if "person" in said:
        made["name"] = [{"text": said["person"]}]
        made["relationship"] = [{"text": said["kin"]}]
    if "phone" in said:
        made["telecom"] = [{"system": "phone", "value": str(said["phone"])}]


def _episode(made: Resource, concept: Resource, said: Mapping[str, Any]) -> None:
    made.pop("subject")
    made |= {"patient": {"reference": "Patient/person"}, "period": {"start": str(said["on"])}}


def _patient(made: Resource, concept: Resource, said: Mapping[str, Any]) -> None:
    made.pop("subject")
    if "dead" in said:
        made["deceasedBoolean"] = said["dead"]
    if "postcode" in said:
        made["address"] = [{"use": "home", "postalCode": said["postcode"]}]


_BUILDERS = {
    "MedicationRequest": _medicine,
    "MedicationStatement": _medicine,
    "AllergyIntolerance": _clinical,
    "Condition": _clinical,
    "Observation": _clinical,
    "Immunization": _immunization,
    "Patient": _patient,
    "Procedure": _clinical,
    "RelatedPerson": _contact,
    "EpisodeOfCare": _episode,
}


def _ledger(entries: Sequence[Entry], outcomes: Mapping[str, Outcome] | None = None) -> Ledger:
    """Every source of the entries, which can have something under every heading."""
    outcomes = outcomes or {}
    names = sorted({entry.source for entry in entries} | outcomes.keys())
    results = [
        SourceResult(OdsCode(name), name, outcomes.get(name, Outcome.ANSWERED), tuple(entries))
        for name in names
    ]
    every = frozenset(HEADINGS)
    return make_ledger(results, dict.fromkeys(names, every), entries, opened=every)


def _made(entries: Sequence[Entry], outcomes: Mapping[str, Outcome] | None = None) -> list[Resource]:
    return [
        orjson.loads(entry.body) for entry in reconcile(entries, _ledger(entries, outcomes), RULES, MAKING)
    ]


def _ids(references: Sequence[Resource]) -> list[str]:
    return [str(one["reference"]).partition("/")[2] for one in references]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_each_scenario_gives_these_groups_lists_and_disagreements_and_no_others(scenario: Scenario) -> None:
    """What is joined, listed and told is what the table says."""
    made = _made([_entry(*one) for one in scenario.entries])
    groups = {
        tuple(_ids([item["resource"] for item in one["item"]]))
        for one in made
        if one["resourceType"] == "Linkage"
    }
    assert groups == set(scenario.same)
    listed = {
        rule.name: sorted(_ids([line["item"] for line in one.get("entry", ())]))
        for rule in RULES.lists
        for one in made
        if one["resourceType"] == "List" and one["title"] == rule.title
    }
    assert listed == {rule.name: sorted(scenario.lists.get(rule.name, ())) for rule in RULES.lists}
    told: dict[str, list[list[str]]] = {}
    for one in made:
        if one["resourceType"] == "DetectedIssue":
            told.setdefault(one["code"]["coding"][0]["code"], []).append(sorted(_ids(one["implicated"])))
    assert {name: sorted(found) for name, found in told.items()} == {
        name: sorted(sorted(pair) for pair in pairs) for name, pairs in scenario.differ.items()
    }


@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if one.says], ids=lambda one: one.name)
def test_a_disagreement_says_in_words_what_is_against_what(scenario: Scenario) -> None:
    """Each in the words of its sources and with their names; without a name where none must be told."""
    entries = [_entry(*one) for one in scenario.entries]
    told = [one["detail"] for one in _made(entries) if one["resourceType"] == "DetectedIssue"]
    assert sorted(told) == sorted(scenario.says)
    ledger = replace(_ledger(entries), nameless=True)
    nameless = [entry.body.decode() for entry in reconcile(entries, ledger, RULES, MAKING)]
    assert not [body for body in nameless if any(f"{one.source})" in body for one in entries)]
    assert any("against" in body for body in nameless)


def test_what_holds_now_is_searched_by_the_name_of_its_list() -> None:
    """``_list=$current-medications`` and its like find what stands there, not what says the same."""
    entries = [
        _entry(one[0], *one[1:]) for scenario in SCENARIOS[:1] + SCENARIOS[9:10] for one in scenario.entries
    ]
    record = [*entries, *reconcile(entries, _ledger(entries), RULES, MAKING)]
    for name, kind in (("medications", "MedicationRequest"), ("allergies", "AllergyIntolerance")):
        search = parse_search(kind, [("patient", "person"), ("_list", f"$current-{name}")], base_url="")
        assert search.beside
        assert [one.id for one in search.run(record)] == ["ward"]
    with pytest.raises(Invalid):
        search.run(entries)


_ALL = [
    _entry(f"{number}-{one[0]}", *one[1:])
    for number, scenario in enumerate(SCENARIOS)
    for one in scenario.entries
    if "based_on" not in one[3]
]


@given(st.lists(st.sampled_from(_ALL), unique_by=lambda entry: entry.id, max_size=12), st.randoms())
def test_the_order_in_which_sources_answer_changes_nothing(entries: list[Entry], random: Any) -> None:
    """The same entries in another order give the same resources, to the byte."""
    shuffled = list(entries)
    random.shuffle(shuffled)
    first = reconcile(entries, _ledger(entries), RULES, MAKING)
    again = reconcile(shuffled, _ledger(entries), RULES, MAKING)
    assert sorted(entry.body for entry in first) == sorted(entry.body for entry in again)


@given(st.lists(st.sampled_from(_ALL), unique_by=lambda entry: entry.id, max_size=12))
def test_what_is_made_is_valid_names_what_is_there_and_loses_no_label(
    entries: list[Entry],
) -> None:
    """Each is R4, refers to entries of the record only, and has every label of those."""
    marked = [
        pack(
            orjson.loads(entry.body) | {"meta": {"security": [{"system": "s", "code": f"c{number % 3}"}]}},
            source=entry.source,
            now=NOW,
        )
        for number, entry in enumerate(entries)
    ]
    by_reference = {entry.reference: entry for entry in marked}
    made = reconcile(marked, _ledger(marked), RULES, MAKING)
    own = {entry.reference for entry in made} | {"Patient/person"}
    for entry in made:
        get_fhir_model_class(entry.type).model_validate_json(entry.body)
        named = set(entry.references) - own
        assert named <= by_reference.keys()
        assert {label for name in named for label in by_reference[name].labels} <= set(entry.labels)


@given(
    st.lists(st.sampled_from(_ALL), unique_by=lambda entry: entry.id, max_size=8),
    st.sampled_from([Outcome.DOWN, Outcome.LATE, Outcome.STALE, Outcome.NOT_ASKED, Outcome.INCOMPLETE]),
)
def test_none_is_never_said_while_a_source_is_missing(entries: list[Entry], outcome: Outcome) -> None:
    """With one source missing every heading is incomplete; with none missing no heading is."""
    for missing in ({}, {"LATE1": outcome}):
        contents = next(one for one in _made(entries, missing) if one["resourceType"] == "Composition")
        states = {
            extension["valueCoding"]["code"]
            for section in contents.get("section", ())
            for extension in section["extension"]
            if extension["url"] == STATE_EXTENSION
        }
        assert ("incomplete" in states) == bool(missing)
        assert not missing or states == {"incomplete"}
