"""Running an adapter: claims, stamps, ids and references, and payloads that speak of somebody else."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scr.data import DataFiles
from scr.decode.tree import Unit
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, OdsCode, opaque_id
from scr.fhir.subjects import SUBJECT_FIELDS
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.run import MappingContext, claim, map_unit
from scr.mapping.template import MappingError

KEY = b"a key for tests"
SOURCE = OdsCode("RZZ99")


def fhir_unit(*resources: dict[str, Any], patient: str | None = "p1", number: str = "9990001014") -> Unit:
    """A decoded FHIR payload: its Patient first, then the resources."""
    own: dict[str, Any] = {"resourceType": "Patient", "id": patient}
    own["identifier"] = [{"system": NHS_NUMBER_SYSTEM, "value": number}]
    all_resources = [own, *resources] if patient is not None else list(resources)
    tree = {
        "resources": all_resources,
        "patient": own if patient is not None else {},
        "outcomes": [],
        "lost": [],
    }
    return Unit(tree, "bundle", b"")


def mapped(unit: Unit, **context: Any) -> list[dict[str, Any]]:
    """The resources that a unit gives through the adapter of FHIR R4."""
    adapter = _r4()
    made = MappingContext(SOURCE, "person-1", KEY, 0, adapter.maps, **context)
    return [orjson.loads(entry.body) for entry in map_unit(adapter, unit, made).entries]


@cache
def _r4() -> Adapter:
    return load_adapter(DataFiles(), "fhir-r4-record")


def test_the_sources_patient_is_kept_and_points_to_the_person() -> None:
    """An opaque id, the NHS Number, and a link to the person's own Patient, before the source's links."""
    (patient,) = mapped(fhir_unit())
    assert patient["id"] == opaque_id(KEY, "RZZ99", "Patient", "p1")
    assert patient["identifier"][0]["value"] == "9990001014"
    assert patient["link"] == [{"other": {"reference": "Patient/person-1"}, "type": "refer"}]
    assert patient["meta"] == {"source": "urn:ods:RZZ99#fhir-r4-record"}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Patient/p1", "Patient/person-1"),
        ("Patient/p1/_history/3", "Patient/person-1"),
        ("https://neighbour.example/fhir/Patient/p1", "Patient/person-1"),
        ("Encounter/x", f"Encounter/{opaque_id(KEY, 'RZZ99', 'Encounter', 'x')}"),
        ("Encounter/x/_history/1", f"Encounter/{opaque_id(KEY, 'RZZ99', 'Encounter', 'x')}"),
        ("https://neighbour.example/fhir/Practitioner/x", "https://neighbour.example/fhir/Practitioner/x"),
        ("#inside", "#inside"),
        ("urn:uuid:8c7a2f5e-0000-4000-8000-000000000000", "urn:uuid:8c7a2f5e-0000-4000-8000-000000000000"),
    ],
)
def test_a_reference_is_rewritten(reference: str, expected: str) -> None:
    """To the person, to an opaque id whether or not it is in the payload, or left as it is."""
    note = {"authorReference": {"reference": reference}, "text": "x"}
    (_, task) = mapped(fhir_unit({"resourceType": "Task", "id": "t", "note": [note]}))
    assert task["note"][0]["authorReference"]["reference"] == expected


def test_an_attachments_address_is_that_of_what_it_names() -> None:
    """A relative one leads to the Binary as it is served; an absolute one and a file's stay as they are."""
    urls = ["Binary/b", "https://neighbour.example/fhir/Binary/b", "https://neighbour.example/letter.pdf"]
    content = [{"attachment": {"url": url}} for url in urls]
    binary = {"resourceType": "Binary", "id": "b", "contentType": "text/plain"}
    document = {"resourceType": "DocumentReference", "id": "d", "status": "current", "content": content}
    for about in ({}, {"subject": {"reference": "Patient/p1"}}):
        (_, held, made) = mapped(fhir_unit(binary, {**document, **about}))
        served = [one["attachment"]["url"] for one in made["content"]]
        assert served == [f"Binary/{held['id']}", *urls[1:]]


@given(st.sampled_from(sorted(SUBJECT_FIELDS)))
def test_every_type_is_stamped_with_the_person(kind: str) -> None:
    """Whatever the type, and whether or not it named its patient."""
    (_, made) = mapped(fhir_unit({"resourceType": kind, "id": "x"}))
    value = made[SUBJECT_FIELDS[kind]]
    first = value[0] if isinstance(value, list) else value
    assert first.get("actor", first)["reference"] == "Patient/person-1"


def test_an_appointment_keeps_its_other_participants() -> None:
    """Its patient among the participants becomes the person; the others stay."""
    people = [{"actor": {"reference": "Practitioner/x"}, "status": "accepted"},
              {"actor": {"reference": "Patient/p1"}, "status": "tentative"}]  # fmt: skip
    (_, made) = mapped(fhir_unit({"resourceType": "Appointment", "id": "a", "participant": people}))
    assert made["participant"][0] == {"actor": {"reference": "Patient/person-1"}, "status": "tentative"}
    assert made["participant"][1]["actor"]["reference"].startswith("Practitioner/")


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/p2"}},
        {"resourceType": "Observation", "id": "o", "subject": {"reference": "https://x.example/Patient/p2"}},
        {"resourceType": "Observation", "id": "o", "subject": {"reference": "urn:uuid:1"}},
        {"resourceType": "Observation", "id": "o",
         "subject": {"identifier": {"system": NHS_NUMBER_SYSTEM, "value": "9990001022"}}},
        {"resourceType": "Appointment", "id": "a", "participant": [{"actor": {"reference": "Patient/p2"}}]},
        {"resourceType": "Task", "id": "t", "for": {"reference": "Patient/p2"}},
        {"resourceType": "Patient", "id": "p2"},
    ],
)  # fmt: skip
def test_a_payload_that_speaks_of_somebody_else_is_refused_whole(resource: dict[str, Any]) -> None:
    """Stamping another person's resource would put it on the wrong record."""
    with pytest.raises(MappingError) as caught:
        mapped(fhir_unit({"resourceType": "Condition", "id": "c"}, resource))
    assert caught.value.code == "another-person"
    assert caught.value.where == "bundle"


def test_a_subject_by_the_persons_own_number_is_theirs() -> None:
    """A logical reference with the NHS Number of the payload's Patient, spaces or not."""
    subject = {"identifier": {"system": NHS_NUMBER_SYSTEM, "value": "999 000 1014"}}
    (_, made) = mapped(fhir_unit({"resourceType": "Flag", "id": "f", "subject": subject}))
    assert made["subject"] == {"reference": "Patient/person-1"}


def test_a_payload_without_its_patient_is_told_by_the_ids_that_are_known() -> None:
    """A page of a search: the caller knows the source's id of the person."""
    about = {"resourceType": "Flag", "id": "f", "subject": {"reference": "Patient/p7"}}
    (made,) = mapped(fhir_unit(about, patient=None), patients=("p7",))
    assert made["subject"] == {"reference": "Patient/person-1"}


def test_the_same_resource_twice_is_one_entry_and_a_different_one_is_told() -> None:
    """Word for word the same: one. The same id with different content: the first, and it is accounted for."""
    adapter = _r4()
    context = MappingContext(SOURCE, "person-1", KEY, 0, adapter.maps)
    one = {"resourceType": "Organization", "id": "o", "name": "A"}
    result = map_unit(adapter, fhir_unit(one, dict(one), {**one, "name": "B"}), context)
    assert [entry.type for entry in result.entries] == ["Patient", "Organization"]
    assert len(result.lost) == 1
    assert "Organization" in result.lost[0]


def test_each_record_has_its_own_copy_of_what_people_share() -> None:
    """A practitioner of two people has an id in each record, and what refers to it follows."""
    task = {"resourceType": "Task", "id": "t", "owner": {"reference": "Practitioner/x"}}
    unit = fhir_unit(task, {"resourceType": "Practitioner", "id": "x"})
    adapter = _r4()
    ids = set()
    for person in ("one", "two"):
        entries = map_unit(adapter, unit, MappingContext(SOURCE, person, KEY, 0, adapter.maps)).entries
        (practitioner,) = [entry for entry in entries if entry.type == "Practitioner"]
        assert any(practitioner.reference in entry.references for entry in entries)
        ids.add(practitioner.id)
    assert len(ids) == 2


def test_two_sources_never_share_an_id() -> None:
    """The same local id from two organisations gives two ids, and two types give two."""
    unit = fhir_unit({"resourceType": "Flag", "id": "p1"})
    adapter = _r4()
    ids = {
        entry.id
        for ods in ("RZZ98", "RZZ99")
        for entry in map_unit(adapter, unit, MappingContext(OdsCode(ods), "s", KEY, 0, adapter.maps)).entries
    }
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("number", "problem"),
    [("999 000 1014", ""), ("9990001014", ""), ("9990001015", "bad-nhs-number"), ("", "no-nhs-number")],
)
def test_a_claim_says_what_is_wrong_with_the_number(number: str, problem: str) -> None:
    """A valid number, one that fails modulus 11, and none."""
    told = claim(_r4(), fhir_unit(number=number))
    assert told.problem == problem
    assert (told.nhs_number is None) == bool(problem)


HL7 = """\
supplier: {name: Test, product: Test, setting: acute}
decode: {format: hl7v2}
nhs_number: "{{ PID.\\"3\\"[?assigning_authority.namespace_id == 'NHS'].id_number }}"
ignore:
  - {fields: [PID-13, PV2], reason: not wanted}
resources:
  - for_each: "{{ OBX }}"
    resource:
      resourceType: Observation
      id: "{{ stable_id('Observation', root.MSH.message_control_id, index) }}"
      status: final
      code: {text: "{{ observation_identifier.text }}"}
      valueString: "{{ \\"5\\"[0] }}"
"""
MESSAGE = (
    "MSH|^~\\&|A|B|C|D|20260131||ORU^R01|M1|P|2.4\r"
    "PID|1||9990001014^^^NHS||SAMPLE^ADA|||F|||||0100|^^^\r"
    "PV2|||x\rOBX|1|ST|^Weight||68||50-70\rOBX|2|ST|^Height||160\r"
)


def test_what_of_a_message_nothing_reads_is_named(tmp_path: Path) -> None:
    """Fields by segment and number: by name or number read, ignored on purpose, or lost."""
    (tmp_path / "adapters" / "oru").mkdir(parents=True)
    (tmp_path / "adapters" / "oru" / "adapter.yaml").write_text(HL7, encoding="utf-8")
    adapter = load_adapter(DataFiles(tmp_path), "oru")
    (unit,) = adapter.units(MESSAGE.encode())
    assert isinstance(unit, Unit)
    assert claim(adapter, unit).nhs_number is not None
    result = map_unit(adapter, unit, MappingContext(SOURCE, "s", KEY, 0, adapter.maps))
    assert [orjson.loads(entry.body)["valueString"] for entry in result.entries] == ["68", "160"]
    assert result.lost == ("OBX-1", "OBX-2", "OBX-7", "PID-1", "PID-5", "PID-8")


def test_a_required_value_that_is_not_there_refuses_the_unit(tmp_path: Path) -> None:
    """The error names place, rule, type and field, and no value."""
    (tmp_path / "adapters" / "oru").mkdir(parents=True)
    (tmp_path / "adapters" / "oru" / "adapter.yaml").write_text(HL7, encoding="utf-8")
    adapter = load_adapter(DataFiles(tmp_path), "oru")
    (unit,) = adapter.units(MESSAGE.replace("^Height", "HGT^").encode())
    assert isinstance(unit, Unit)
    with pytest.raises(MappingError, match=r"rule 0 \(Observation\): code has no value") as caught:
        map_unit(adapter, unit, MappingContext(SOURCE, "s", KEY, 0, adapter.maps))
    assert "HGT" not in str(caught.value)


@pytest.mark.parametrize(("written", "kept"), [("68", True), ("0", True), ("68,5", False), ("n/a", False)])
def test_a_number_that_cannot_be_read_leaves_no_unit_behind(tmp_path: Path, written: str, kept: bool) -> None:
    """A unit without its number says nothing, in a result or in a part of one."""
    (tmp_path / "adapters" / "oru").mkdir(parents=True)
    quantity = 'valueQuantity: {value: "{{ number(\\"5\\"[0]) }}", unit: "{{ \\"6\\".identifier }}"}'
    rules = HL7.replace(
        'valueString: "{{ \\"5\\"[0] }}"',
        f"{quantity}\n      component: [{{code: {{text: '{{{{ value_type }}}}'}}, {quantity}}}]",
    )
    (tmp_path / "adapters" / "oru" / "adapter.yaml").write_text(rules, encoding="utf-8")
    adapter = load_adapter(DataFiles(tmp_path), "oru")
    (unit,) = adapter.units(MESSAGE.replace("||68||", f"||{written}|kg|").encode())
    assert isinstance(unit, Unit)
    result = map_unit(adapter, unit, MappingContext(SOURCE, "s", KEY, 0, adapter.maps))
    made = orjson.loads(result.entries[0].body)
    assert ("valueQuantity" in made, "valueQuantity" in made["component"][0]) == (kept, kept)
    assert bool(result.unread) is not kept


ELEMENTS = st.sampled_from(
    ["reference", "coding", "code", "system", "identifier", "meta", "security", "subject", "category", "name",
     "participant", "actor", "link", "status", "class", "clinicalStatus", "period", "address", "given"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "Patient/p1", "Task/t"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ELEMENTS, inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(ELEMENTS, JSON, max_size=6), st.dictionaries(ELEMENTS, JSON, max_size=4))
def test_a_resource_of_any_shape_is_mapped_or_refused(body: dict[str, Any], patient: dict[str, Any]) -> None:
    """A source may put anything where FHIR has an object: entries or an error of ours, nothing else."""
    adapter = _r4()
    own = {**patient, "resourceType": "Patient", "id": "p1"}
    resources = [
        own,
        {**body, "resourceType": "Appointment", "id": "a"},
        {**body, "resourceType": "Encounter"},
    ]
    unit = Unit({"resources": resources, "patient": own, "outcomes": [], "lost": []}, "bundle", b"")
    try:
        claim(adapter, unit)
        result = map_unit(adapter, unit, MappingContext(SOURCE, "person-1", KEY, 0, adapter.maps))
    except MappingError:
        return
    assert all(orjson.loads(entry.body)["id"] == entry.id for entry in result.entries)
