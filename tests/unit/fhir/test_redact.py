"""What is permitted says nothing of what is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scr.data import packaged_root
from scr.fhir.entry import Entry, Resource, pack, stamp, stamp_by_content
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.redact import OPEN_TYPES, redacted
from scr.fhir.validate import validate

OWN = "Patient/me"
SECRET = "SECRET"
HIDDEN = {"reference": f"Condition/{SECRET}", "display": SECRET}
SHOWN = {"reference": "Condition/c"}
TEXT = {"status": "generated", "div": f"<div>{SECRET}</div>"}


def held(resource: Resource) -> Entry:
    """An entry from the store, the third version of it."""
    return stamp(pack(resource, source="RXX", now=1_000_000), "3", 2_000_000)


def of(kind: str, logical: str = "one", **elements: Any) -> Resource:
    """A resource about the person."""
    return {"resourceType": kind, "id": logical, "subject": {"reference": OWN}, **elements}


def left(resource: Resource, *others: Entry, permits: bool = True) -> Resource | None:
    """What is left of a resource beside a Condition that may be seen; None where it is left out."""
    beside = [held(of("Condition", "c")), held({"resourceType": "Binary", "id": "shown"}), *others]
    found = [e for e in redacted([held(resource), *beside], {OWN}, lambda _: permits) if e.id == "one"]
    if not found:
        return None
    made: Resource = orjson.loads(found[0].body)
    assert made.pop("meta")["versionId"] == "3"
    return {name: value for name, value in made.items() if name not in {"resourceType", "id", "subject"}}


ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
MASKED = {"extension": [{"url": ABSENT, "valueCode": "masked"}]}
LEFT = {
    "a reference": (of("Encounter", reasonReference=[HIDDEN, SHOWN]), {"reasonReference": [SHOWN]}),
    "the only one": (of("Observation", encounter=HIDDEN, status="final"), {"status": "final"}),
    "the narrative": (of("Observation", encounter=HIDDEN, text=TEXT), {}),
    "the narrative of what loses nothing": (of("Observation", encounter=SHOWN, text=TEXT), None),
    "an absolute address": (of("Encounter", partOf={"reference": f"https://a.b/Encounter/{SECRET}"}), {}),
    "a bundle's own name": (of("Encounter", partOf={"reference": f"urn:uuid:{SECRET}"}), {}),
    "an attachment's address": (
        of(
            "DocumentReference",
            content=[
                {"attachment": {"url": f"Binary/{SECRET}", "contentType": "a/b"}},
                {
                    "attachment": {
                        "url": f"https://a.b/r4/DocumentReference/{SECRET}/_history/2",
                        "title": "A",
                    }
                },
                {"attachment": {"url": f"https://a.b/Binary/{SECRET}"}},
                {"attachment": {"url": "Binary/shown"}},
                {"attachment": {"url": "https://a.b/letter.pdf"}},
            ],
        ),
        {
            "content": [
                {"attachment": {"_url": MASKED, "contentType": "a/b"}},
                {"attachment": {"_url": MASKED, "title": "A"}},
                {"attachment": {"_url": MASKED}},
                {"attachment": {"url": "Binary/shown"}},
                {"attachment": {"url": "https://a.b/letter.pdf"}},
            ]
        },
    ),
    "a diagnosis of an encounter": (
        of("Encounter", diagnosis=[{"condition": HIDDEN, "rank": 1}, {"condition": SHOWN, "rank": 2}]),
        {"diagnosis": [{"condition": SHOWN, "rank": 2}]},
    ),
    "evidence": (of("Condition", evidence=[{"code": [{"text": SECRET}], "detail": [HIDDEN]}]), {}),
    "an item of a list": (
        of("List", entry=[{"item": HIDDEN}, {"item": SHOWN}], note=[{"text": SECRET}]),
        {"entry": [{"item": SHOWN}]},
    ),
    "what an extension says": (
        of("Observation", extension=[{"url": "u", "extension": [{"url": "v", "valueReference": HIDDEN}]}]),
        {},
    ),
    "a section of a composition": (
        of(
            "Composition",
            section=[
                {"title": "A", "text": TEXT, "entry": [HIDDEN, SHOWN]},
                {"title": SECRET, "text": TEXT, "entry": [HIDDEN]},
                {"title": "B", "text": {"div": "b"}, "entry": [SHOWN]},
            ],
        ),
        {
            "section": [
                {"title": "A", "entry": [SHOWN]},
                {"title": "B", "text": {"div": "b"}, "entry": [SHOWN]},
            ]
        },
    ),
    "what a report sums up": (
        of("DiagnosticReport", result=[HIDDEN, SHOWN], conclusion=SECRET, presentedForm=[{"data": SECRET}]),
        {"result": [SHOWN]},
    ),
    "a report is not what its encounter is": (
        of("DiagnosticReport", encounter=HIDDEN, result=[SHOWN], conclusion="Clear"),
        {"result": [SHOWN], "conclusion": "Clear"},
    ),
    "who wrote a note": (
        of("Observation", note=[{"text": "Seen", "authorReference": {"reference": "RelatedPerson/x"}}]),
        {"note": [{"text": "Seen"}]},
    ),
    "an activity with details": (
        of("CarePlan", activity=[{"outcomeReference": [HIDDEN], "detail": {"status": "completed"}}]),
        {"activity": [{"detail": {"status": "completed"}}]},
    ),
    "a panel with a value": (of("Observation", hasMember=[HIDDEN], valueString="x"), {"valueString": "x"}),
}


@pytest.mark.parametrize(("resource", "expected"), LEFT.values(), ids=LEFT)
def test_what_is_left(resource: Resource, expected: Resource | None) -> None:
    """The reference goes with what repeats it, and nothing else does; None: it stays as it is."""
    after = left(resource)
    assert after is not None
    if expected is None:
        assert "text" in after
    else:
        assert after == expected
        assert SECRET not in str(after)


LEFT_OUT = {
    "a list": of("List", entry=[{"item": HIDDEN}], title=SECRET),
    "a report": of("DiagnosticReport", result=[HIDDEN], code={"text": SECRET}),
    "a composition": of("Composition", section=[{"title": "A", "entry": [HIDDEN]}]),
    "a panel": of("Observation", hasMember=[HIDDEN], code={"text": SECRET}),
    "a task": of("Task", focus=HIDDEN, description=SECRET),
    "provenance": of("Provenance", target=[HIDDEN]),
    "a warning": of("DetectedIssue", implicated=[HIDDEN], detail=SECRET),
    "what means something else without": of(
        "Observation", modifierExtension=[{"url": "u", "valueReference": HIDDEN}, {"url": "v"}]
    ),
}


@pytest.mark.parametrize("resource", LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_was_there_for_nothing_else_is_left_out(resource: Resource) -> None:
    """And what refers to that loses the reference in its turn."""
    assert left(resource) is None
    refers = held(of("Encounter", "e", partOf={"reference": f"{resource['resourceType']}/one"}))
    [other] = redacted([held(resource), refers], {OWN}, lambda _: True)
    assert "partOf" not in orjson.loads(other.body)
    assert other.references == (OWN,)


def test_who_where_and_with_what_may_be_named() -> None:
    """An author, a ward, a medicine: whether or not the record has them."""
    for kind in OPEN_TYPES:
        named = {"reference": f"{kind}/x", "display": "Y"}
        assert left(of("Observation", performer=[named], encounter=HIDDEN)) == {"performer": [named]}


def test_a_document_without_its_address_is_fhir() -> None:
    """What is left of an attachment that was an address and nothing else can be read by any client."""
    whole = of(
        "DocumentReference",
        status="current",
        content=[{"attachment": {"url": f"https://a.b/Binary/{SECRET}"}}],
    )
    [entry] = redacted([held(whole)], {OWN}, lambda _: True)
    assert not validate(whole)
    assert not validate(orjson.loads(entry.body))
    assert redacted([entry], {OWN}, lambda _: True) == [entry]


def test_an_empty_list_with_its_reason_stays() -> None:
    """It never listed anything: what it says is its reason."""
    resource = of("List", emptyReason={"text": "None known"})
    assert left(resource) == {"emptyReason": {"text": "None known"}}


def test_contained_resources_are_decided_too() -> None:
    """One that may not be seen goes, with what names it; one that nothing names any more goes along."""
    inner = {"resourceType": "RelatedPerson", "id": "r", "name": [{"text": SECRET}]}
    resource = of(
        "Encounter", contained=[inner], participant=[{"individual": {"reference": "#r"}}], status="finished"
    )
    assert left(resource, permits=False) == {"status": "finished"}
    assert left(resource) == {k: resource[k] for k in ("contained", "participant", "status")}
    outer = {"resourceType": "Procedure", "id": "p", "reasonReference": [HIDDEN, {"reference": "#q"}]}
    reason = {"resourceType": "Condition", "id": "q", "text": TEXT, "code": {"text": "q"}}
    only = {"resourceType": "Condition", "id": "z", "code": {"text": SECRET}}
    found = left(
        of(
            "Encounter",
            contained=[outer, reason, only],
            reasonReference=[{"reference": "#p"}],
            diagnosis=[
                {"condition": HIDDEN, "extension": [{"url": "u", "valueReference": {"reference": "#z"}}]}
            ],
        )
    )
    assert found is not None
    assert SECRET not in str(found)
    assert [part["id"] for part in found["contained"]] == ["p", "q"]
    assert found["contained"][0]["reasonReference"] == [{"reference": "#q"}]


def test_a_contained_medicine_that_may_not_be_seen_takes_its_prescription_along() -> None:
    """A prescription without its medicine would be worse than none."""
    resource = of(
        "MedicationRequest",
        contained=[{"resourceType": "Medication", "id": "m", "code": {"text": SECRET}}],
        medicationReference={"reference": "#m"},
    )
    assert left(resource, permits=False) is None


def test_a_contained_resource_is_decided_by_its_own_heading_and_labels() -> None:
    """As an entry of its container's type and source, with the labels of both."""
    asked: list[Entry] = []

    def permits(entry: Entry) -> bool:
        asked.append(entry)
        return True

    label = {"system": "s", "code": "R"}
    inner = {"resourceType": "RelatedPerson", "id": "r", "meta": {"security": [label]}}
    redacted([held(of("Encounter", contained=[inner]))], {OWN}, permits)
    [part] = asked
    assert (part.type, part.source, part.heading, part.labels) == (
        "Encounter",
        "RXX",
        "personal-contacts",
        ("s|R",),
    )


def test_a_version_says_nothing_of_what_was_there() -> None:
    """A live entry's is a hash of what is left; a held one keeps the number that the store gave it."""
    whole = [of("Observation", encounter=HIDDEN, status="final"), of("Observation", status="final")]
    live = [stamp_by_content(pack(one, source="RXX", now=5)) for one in whole]
    [[one], [other]] = (redacted([entry], {OWN}, lambda _: True) for entry in live)
    assert one == other
    [[one], [other]] = (redacted([held(resource)], {OWN}, lambda _: True) for resource in whole)
    assert one == other


def test_the_composed_patient_is_made_of_what_may_be_seen_already() -> None:
    """It refers to the Patients that it was made of, and to nothing that is not there."""
    made = {"resourceType": "Patient", "id": "me", "link": [{"other": {"reference": "Patient/x"}}]}
    entry = stamp_by_content(pack(made, source=PERSON_SOURCE, now=1))
    assert redacted([entry], (), lambda _: True) == [entry]


def _goldens() -> Iterator[list[Resource]]:
    """What each shipped adapter makes of each of its samples."""
    for path in sorted(Path(packaged_root()).glob("adapters/*/samples/*.expected.json")):
        for outcome in json.loads(path.read_text(encoding="utf-8")):
            if len(outcome.get("resources", ())) > 1:
                yield outcome["resources"]


RECORDS = list(_goldens())
PEOPLE = {f"Patient/{one['id']}" for record in RECORDS for one in record if one["resourceType"] == "Patient"}


@settings(max_examples=150)
@given(st.sampled_from(RECORDS), st.data())
def test_whatever_is_hidden_of_any_record(record: list[Resource], data: st.DataObject) -> None:
    """No answer names what is hidden, all of it is valid FHIR, and redacting again changes nothing."""
    entries = [held(resource) for resource in record]
    own = {r for e in entries for r in e.references if r.startswith("Patient/")} | PEOPLE
    hides = data.draw(st.lists(st.booleans(), min_size=len(entries), max_size=len(entries)))
    permitted = [e for e, hide in zip(entries, hides, strict=True) if not hide]
    hidden = [e.reference for e, hide in zip(entries, hides, strict=True) if hide]
    shown = redacted(permitted, own, lambda _: True)
    told = b"".join(entry.body for entry in shown).decode()
    for reference in hidden:
        if reference.partition("/")[0] not in OPEN_TYPES and reference not in own:
            assert f'"{reference}"' not in told
    for entry in shown:
        resource = orjson.loads(entry.body)
        before = next(r for r in record if r["id"] == entry.id and r["resourceType"] == entry.type)
        assert not validate(resource) or validate(before)
    assert redacted(shown, own, lambda _: True) == shown


def test_what_refers_to_nothing_withheld_is_the_same_object() -> None:
    """A record of which nothing is withheld is not looked into."""
    entries = [held(of("Observation", f"o{i}", encounter={"reference": "Encounter/e"})) for i in range(9)]
    entries.append(held(of("Encounter", "e")))
    after = redacted(entries, {OWN}, lambda _: False)
    assert all(one is other for one, other in zip(entries, after, strict=True))
