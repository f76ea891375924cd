"""Of a person whose whereabouts are restricted, nothing that could tell them goes out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class

from scr.data import packaged_root
from scr.fhir.entry import Entry, pack, stamp
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.restricted import core

HIDEOUT = "HIDEOUT"
SUBJECT = {"reference": "Patient/the-person"}


def _goldens() -> Iterator[dict[str, Any]]:
    """Every resource that a shipped adapter makes of its samples."""
    for path in sorted(packaged_root().glob("adapters/*/samples/*.expected.json")):
        for outcome in json.loads(path.read_text(encoding="utf-8")):
            yield from outcome.get("resources", ())


def _telling(node: Any, name: str = "") -> Any:
    """The same, with the place where the person hides wherever a supplier could have written it."""
    if isinstance(node, list):
        return [_telling(one, name) for one in node]
    if not isinstance(node, dict):
        return node
    if name in {"subject", "patient"}:
        return SUBJECT
    made = {key: _telling(value, key) for key, value in node.items()}
    if "reference" in made and not str(made["reference"]).startswith("Medication/"):
        made["reference"] = f"Organization/{HIDEOUT}"
    if isinstance(made.get("value"), str) and "system" in made:
        made["value"] = made["system"] = HIDEOUT
    if name not in {"coding", "meta", "security"}:
        made["extension"] = [{"url": "http://example.org/where", "valueString": HIDEOUT}]
    return made


def _entry(resource: dict[str, Any], source: str) -> Entry:
    told = _telling({k: v for k, v in resource.items() if k not in {"id", "meta", "resourceType"}})
    told |= {"note": [{"text": HIDEOUT}], "address": [{"text": HIDEOUT}], "contained": [{"id": HIDEOUT}]}
    told |= {"text": {"status": "generated", "div": f"<div>{HIDEOUT}</div>"}, "valueString": HIDEOUT}
    head = {"resourceType": resource["resourceType"], "id": "one", "meta": {"source": f"urn:ods:{HIDEOUT}#x"}}
    return stamp(pack({**head, **told}, source=source, now=1_000_000), "3", 1_000_000)


RESOURCES = list(_goldens())


def test_nothing_tells_where_they_are() -> None:
    """Whatever a supplier wrote into any element of any resource, it is not in what goes out."""
    assert len(RESOURCES) > 300
    entries = [_entry(resource, PERSON_SOURCE) for resource in RESOURCES]
    assert all(HIDEOUT.encode() in entry.body for entry in entries)
    shown = core(entries)
    assert {entry.type for entry in shown} >= {
        "AllergyIntolerance",
        "Condition",
        "MedicationRequest",
        "Patient",
    }
    assert [entry.type for entry in shown if HIDEOUT.encode() in entry.body] == []
    assert [entry.type for entry in shown if any(HIDEOUT in one for one in entry.references)] == []


def test_what_goes_out_is_valid_and_stays_the_same() -> None:
    """Valid R4, the same version, and done again it is what it was."""
    entries = [
        stamp(pack(resource, source=PERSON_SOURCE, now=1_000_000), "3", 1_000_000) for resource in RESOURCES
    ]
    shown = core(entries)
    for entry in shown:
        get_fhir_model_class(entry.type).model_validate_json(entry.body)
        assert entry.version == "3"
    assert core(shown) == shown


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Encounter", {"status": "finished", "class": {"code": "AMB"}}),
        ("DocumentReference", {"status": "current"}),
        ("Organization", {"name": "Example Surgery"}),
        ("Location", {"name": "Example Ward"}),
        ("RelatedPerson", {"patient": SUBJECT}),
        ("Patient", {"name": [{"family": "Finch"}]}),
        ("Condition", {"subject": SUBJECT, "modifierExtension": [{"url": "x", "valueBoolean": True}]}),
    ],
)
def test_what_is_not_of_the_core_stays(kind: str, more: dict[str, Any]) -> None:
    """Where somebody was seen, by whom, a source's own Patient, and what may mean the opposite."""
    entry = pack({"resourceType": kind, "id": "one", **more}, source="A81001", now=1)
    assert core([stamp(entry, "1", 1)]) == []


def test_the_clinical_core_is_still_there() -> None:
    """Substance, reaction and dose are what a stranger at the bedside needs."""
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "a",
        "patient": SUBJECT,
        "code": {
            "coding": [{"system": "http://snomed.info/sct", "code": "91936005", "display": "Penicillin"}]
        },
        "reaction": [{"manifestation": [{"text": "Rash"}], "severity": "severe", "description": "at home"}],
    }
    [shown] = core([stamp(pack(allergy, source="A81001", now=1), "1", 1)])
    told = orjson.loads(shown.body)
    assert told["code"]["coding"][0]["display"] == "Penicillin"
    assert told["reaction"] == [{"manifestation": [{"text": "Rash"}], "severity": "severe"}]
