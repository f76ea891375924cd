"""Documents: what is said where nothing is known, what goes in, and text that cannot break out."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from scr.data import DataFiles
from scr.fhir.documents.bundle import Frame, document
from scr.fhir.documents.ips import ABSENT, patient_summary
from scr.fhir.documents.making import Draft, seed_of
from scr.fhir.documents.narrative import narrative
from scr.fhir.documents.rules import load_sections
from scr.fhir.documents.sections import Told
from scr.fhir.entry import Entry, Resource, pack
from scr.fhir.reconciled import Item, Making, made_list
from scr.fhir.summary import Line

RULES = load_sections(DataFiles())
LEDGER = {
    "issue": [{"severity": "information", "code": "informational", "details": {"text": "All answered."}}]
}
REQUIRED = {"problems": "11450-4", "allergies": "48765-2", "medications": "10160-0"}
KINDS = {"problems": "Condition", "allergies": "AllergyIntolerance", "medications": "MedicationStatement"}
NONE = {"problems": "160245001", "allergies": "716186003", "medications": "182849000"}
SOMETHING = {"problems": "38341003", "allergies": "91936005", "medications": "777067000"}


def thing(kind: str, logical: str, code: str, **more: object) -> Entry:
    """A resource with a code of SNOMED CT."""
    name = "medicationCodeableConcept" if kind == "MedicationStatement" else "code"
    concept = {"coding": [{"system": "http://snomed.info/sct", "code": code}]}
    return pack({"resourceType": kind, "id": logical, name: concept, **more}, source="RXX", now=0)


def told(heading: str, state: str) -> Told:
    """An answer in which one heading is in a state, and everything else is not known of."""
    return Told(
        {heading: state}, {heading: ("Sample Ward did not answer.",)} if state == "incomplete" else {}
    )


def codes_in(heading: str, state: str, entries: Sequence[Entry]) -> tuple[list[str], str]:
    """The codes of the entries of a required section, in order, and its text."""
    making = Making("p", b"k" * 32, 0)
    items = [Item(one) for one in entries]
    made = made_list(making, heading, heading, "", heading, items, state)
    draft = Draft("p", b"s" * 32, 0)
    composition = patient_summary(draft, RULES, [*entries, made], told(heading, state), LEDGER)
    [section] = [s for s in composition["section"] if s["code"]["coding"][0]["code"] == REQUIRED[heading]]
    own: dict[str, Resource] = {f"urn:uuid:{one['id']}": one for one in draft.made}
    own |= {one.reference: orjson.loads(one.body) for one in entries}
    found = [own[one["reference"]] for one in section["entry"]]
    concepts = [one.get("code") or one["medicationCodeableConcept"] for one in found]
    return [one["coding"][0]["code"] for one in concepts], section["text"]["div"]


@pytest.mark.parametrize("heading", sorted(REQUIRED))
def test_not_known_and_known_none_are_told_apart(heading: str) -> None:
    """Nothing recorded is not known; none is said where a source says so and every source answered."""
    noun = {"problems": "problem", "allergies": "allergy", "medications": "medication"}[heading]
    known = {"problems": "problems", "allergies": "allergies", "medications": "medications"}[heading]
    no_info, none = f"no-{noun}-info", f"no-known-{known}"
    denial = thing(KINDS[heading], "d", NONE[heading])
    real = thing(KINDS[heading], "r", SOMETHING[heading])
    assert codes_in(heading, "none", [])[0] == [no_info]
    assert codes_in(heading, "incomplete", [])[0] == [no_info]
    assert codes_in(heading, "complete", [denial])[0] == [none, NONE[heading]]
    assert codes_in(heading, "incomplete", [denial])[0] == [NONE[heading]]
    assert codes_in(heading, "complete", [real])[0] == [SOMETHING[heading]]
    assert codes_in(heading, "complete", [real, denial])[0] == [SOMETHING[heading], NONE[heading]]
    assert "Sample Ward did not answer." in codes_in(heading, "incomplete", [real])[1]
    assert all(one.required is None or one.required.info.code.endswith("-info") for one in RULES)
    assert ABSENT.endswith("absent-unknown-uv-ips")


@given(st.lists(st.builds(Line, *[st.text(max_size=20)] * 4), max_size=3), st.lists(st.text(), max_size=3))
def test_text_stays_text(lines: list[Line], sentences: list[str]) -> None:
    """Whatever a source wrote, the narrative is XML, with a cell for each part of a line."""
    div = fromstring(narrative(sentences, lines)["div"])
    names = [one.tag.rpartition("}")[2] for one in div.iter()]
    assert names.count("td") == 4 * len(lines)
    assert names.count("p") == len(sentences)
    assert set(names) <= {"div", "p", "table", "thead", "tbody", "tr", "th", "td"}


@given(st.data())
def test_whatever_stands_in_a_document_leads_to_something_in_it(data: st.DataObject) -> None:
    """Any entries that refer to any others: what is carried is found, the rest has its address."""
    kinds = ["Condition", "Encounter", "Observation", "Practitioner", "List", "Medication", "Patient"]
    names = [f"{kind}/{number}" for kind in kinds for number in range(2)]
    entries = []
    for name in data.draw(st.lists(st.sampled_from(names), unique=True)):
        kind, _, logical = name.partition("/")
        to = [{"reference": one} for one in data.draw(st.lists(st.sampled_from(names), max_size=3))]
        entries.append(pack({"resourceType": kind, "id": logical, "x": to}, source="RXX", now=0))
    start = data.draw(
        st.lists(st.sampled_from([one.reference for one in entries] or ["Patient/0"]), max_size=4)
    )
    first: Resource = {"resourceType": "Composition", "id": "c", "x": [{"reference": one} for one in start]}
    frame = Frame("https://record.test/fhir", "b", "d", 0)
    body, carried = document(frame, [first], entries)
    bundle = orjson.loads(body)
    there = {one["fullUrl"] for one in bundle["entry"]}
    assert {f"https://record.test/fhir/{one}" for one in start if entries} <= there
    assert len(there) == len(carried) + 1
    for one in bundle["entry"][1:]:
        for link in one["resource"]["x"]:
            if "reference" in link:
                assert f"https://record.test/fhir/{link['reference']}" in there
            else:
                assert link["identifier"]["value"].startswith("https://record.test/fhir/")


def test_the_same_record_gives_the_same_document() -> None:
    """By what sources sent and what is complete: another version or another state is another document."""
    one = thing("Condition", "a", "1")
    same = seed_of(b"k" * 32, "summary", "p", [one], {"problems": "complete"})
    assert same == seed_of(b"k" * 32, "summary", "p", [one], {"problems": "complete"})
    others = {
        seed_of(b"j" * 32, "summary", "p", [one], {"problems": "complete"}),
        seed_of(b"k" * 32, "summary", "p", [], {"problems": "complete"}),
        seed_of(b"k" * 32, "summary", "p", [one], {"problems": "none"}),
        seed_of(b"k" * 32, "record", "p", [one], {"problems": "complete"}),
    }
    assert same not in others
    assert len(others) == 4
