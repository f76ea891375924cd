"""The checker of R4 resources, with an independent model of R4 as its oracle."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest
from conformance.compile_r4 import compile_structure
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from scr.decode.fhir_json import decode
from scr.decode.tree import Unit
from scr.fhir import headings
from scr.fhir.entry import Resource
from scr.fhir.structure import r4
from scr.fhir.validate import MAX_PROBLEMS, Problem, validate

PERSON = {"reference": "Patient/1"}
ABSENT = {
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    ]
}


def status(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]}


VALID: dict[str, Resource] = {
    "Patient": {
        "id": "1", "meta": {"lastUpdated": "2026-01-01T00:00:00Z"}, "active": True, "gender": "female",
        "text": {"status": "generated", "div": "<div>A</div>"}, "birthDate": "1950-02",
        "multipleBirthInteger": 2,
        "name": [{"use": "official", "family": "Example", "given": ["Ann", "Bea"]}],
        "contact": [{"relationship": [{"text": "Sister"}], "telecom": [{"system": "phone", "value": "1"}]}],
        "extension": [{"url": "http://a.example/x",
                       "extension": [{"url": "y", "valuePeriod": {"start": "2020"}}]}],
        "link": [{"other": PERSON, "type": "refer"}],
    },
    "Observation": {
        "id": "2", "status": "corrected",
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "subject": PERSON, "effectiveDateTime": "2026-01-01T10:00:00+00:00", "issued": "2026-01-01T10:00:00Z",
        "component": [{"code": {"text": "Systolic"},
                       "valueQuantity": {"value": 120.5, "comparator": "<", "unit": "mmHg"}}],
        "referenceRange": [{"low": {"value": 90}, "text": "90-140"}],
    },
    "Condition": {
        "clinicalStatus": status("condition-clinical", "active"), "subject": PERSON,
        "onsetAge": {"value": 40},
        "verificationStatus": status("condition-ver-status", "confirmed"), "recordedDate": "2020",
    },
    "MedicationRequest": {
        "status": "active", "intent": "order", "subject": PERSON, "medicationCodeableConcept": {"text": "A"},
        "dosageInstruction": [{"text": "One", "sequence": 1, "asNeededBoolean": False,
                               "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                               "doseAndRate": [{"doseQuantity": {"value": 1}}]}],
        "dispenseRequest": {"numberOfRepeatsAllowed": 0, "quantity": {"value": 28}},
    },
    "Immunization": {"status": "completed", "vaccineCode": {"text": "V"}, "patient": PERSON,
                     "occurrenceString": "unknown", "protocolApplied": [{"doseNumberPositiveInt": 1}]},
    "Encounter": {"status": "finished", "class": {"code": "AMB"}, "period": {"start": "2026-01-01"},
                  "location": [{"location": {"reference": "Location/1"}}]},
    "List": {"status": "current", "mode": "snapshot", "entry": [{"item": PERSON, "deleted": False}]},
    "ServiceRequest": {"status": "active", "intent": "plan", "subject": PERSON,
                       "requester": {"reference": "#p"},
                       "contained": [{"resourceType": "Practitioner", "id": "p", "name": [{"text": "Dr"}]}]},
    "DocumentReference": {"status": "current", "content": [{"attachment": {
        "contentType": "text/plain", "data": "YQ==", "size": 1, "url": "http://a.example/b"}}]},
    "QuestionnaireResponse": {"status": "completed", "item": [
        {"linkId": "1", "answer": [{"valueDecimal": 1.5}], "item": [{"linkId": "1.1"}]}]},
    "OperationOutcome": {"issue": [{"severity": "error", "code": "lock-error", "expression": ["Patient"]}]},
    "Parameters": {"parameter": [{"name": "a", "valueBoolean": True},
                                 {"name": "b", "part": [{"name": "c"}]}]},
    "Bundle": {"type": "searchset", "total": 1, "entry": [{"fullUrl": "http://a.example/Patient/1",
               "search": {"mode": "match"}, "resource": {"resourceType": "Patient", "id": "1"}}]},
}  # fmt: skip


def resource(kind: str, **changes: Any) -> Resource:
    return {"resourceType": kind, **copy.deepcopy(VALID.get(kind, {})), **changes}


def oracle(sent: Resource) -> bool:
    """Whether the independent model takes a resource, sent to it as JSON."""
    try:
        get_fhir_model_class(sent["resourceType"]).model_validate_json(orjson.dumps(sent))
    except (ValidationError, ValueError, AttributeError, LookupError, TypeError):
        return False
    return True


@pytest.mark.parametrize("kind", VALID)
def test_a_valid_resource_is_valid(kind: str) -> None:
    """Both the checker and the oracle take it."""
    assert validate(resource(kind)) == ()
    assert oracle(resource(kind))


WRONG: list[tuple[Resource, str, str]] = [
    ({"resourceType": "Account"}, "Resource", "not-supported"),
    ({}, "Resource", "structure"),
    (resource("Patient", surname="A"), "Patient.surname", "structure"),
    (resource("Patient", **{"Ann Smith": 1}), "Patient.?", "structure"),
    (resource("Patient", name={"family": "A"}), "Patient.name", "structure"),
    (resource("Patient", name=[]), "Patient.name", "structure"),
    (resource("Patient", name=[{}]), "Patient.name[0]", "structure"),
    (resource("Patient", name=["A"]), "Patient.name[0]", "structure"),
    (resource("Patient", name=[{"given": ["A", None]}]), "Patient.name[0].given[1]", "value"),
    (resource("Patient", name=[{"given": ["A", 7]}]), "Patient.name[0].given[1]", "value"),
    (resource("Patient", birthDate=["1950"]), "Patient.birthDate", "value"),
    (resource("Patient", birthDate="1950-02-30"), "Patient.birthDate", "value"),
    (resource("Patient", gender="F"), "Patient.gender", "code-invalid"),
    (resource("Patient", multipleBirthBoolean=True), "Patient.multipleBirthBoolean", "invariant"),
    (resource("Patient", managingOrganization={"resourceType": "Organization"}),
     "Patient.managingOrganization.resourceType", "structure"),
    (resource("Patient", extension=[{"valueString": "a"}]), "Patient.extension[0].url", "required"),
    (resource("Patient", extension=[{"url": "a", "valueRatioRange": {}}]),
     "Patient.extension[0].valueRatioRange", "structure"),
    (resource("Patient", _active={"value": True}), "Patient._active.value", "structure"),
    (resource("Patient", _name=[{}]), "Patient._name", "structure"),
    (resource("Observation", status="done"), "Observation.status", "code-invalid"),
    (resource("Observation", component=[{}]), "Observation.component[0]", "structure"),
    (resource("Observation", component=[{"valueString": "a"}]), "Observation.component[0].code", "required"),
    (resource("Condition", clinicalStatus={"text": "active"}), "Condition.clinicalStatus", "code-invalid"),
    (resource("Condition", clinicalStatus=status("condition-clinical", "on")),
     "Condition.clinicalStatus", "code-invalid"),
    (resource("Condition", clinicalStatus={"coding": [{"code": []}]}),
     "Condition.clinicalStatus.coding[0].code", "value"),
    ({"resourceType": "Encounter", "class": {"code": "AMB"}}, "Encounter.status", "required"),
    ({"resourceType": "Immunization", "status": "completed", "vaccineCode": {"text": "V"}, "patient": PERSON},
     "Immunization.occurrence", "required"),
    (resource("ServiceRequest", contained=[{"resourceType": "Practitioner", "name": "A"}]),
     "ServiceRequest.contained[0].name", "structure"),
    (resource("Bundle", entry=[{"resource": {"resourceType": "Patient", "active": 1}}]),
     "Bundle.entry[0].resource.active", "value"),
    (resource("Bundle", entry=[{"resource": {"id": "1"}}]), "Bundle.entry[0].resource", "structure"),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "path", "code"), WRONG)
def test_what_is_wrong_and_where(sent: Resource, path: str, code: str) -> None:
    """The first problem names the place and the kind of the fault."""
    found = validate(sent)
    assert (found[0].path, found[0].code) == (path, code)


def test_a_problem_holds_nothing_of_the_data() -> None:
    """Values and odd names of elements stand in no problem."""
    sent = resource("Patient", gender="Zebedee", birthDate="Zebedee", **{"Zebedee 1": "Zebedee"})
    sent["name"] = [{"family": ["Zebedee"], "use": "Zebedee"}]
    found = validate(sent)
    assert len(found) == 5
    assert "Zebedee" not in repr(found)


@pytest.mark.parametrize(
    "sent",
    [
        {"resourceType": "Immunization", "status": "completed", "vaccineCode": {"text": "V"},
         "patient": PERSON, "_occurrenceDateTime": ABSENT},
        resource("Patient", name=[{"given": [None, "B"], "_given": [ABSENT, None]}]),
        {**resource("List"), "_status": ABSENT},
        {k: v for k, v in {**resource("List"), "_status": ABSENT}.items() if k != "status"},
    ],
)  # fmt: skip
def test_an_extension_may_stand_for_a_value(sent: Resource) -> None:
    """What is required may be absent with its reason, and one choice with its extension is one choice."""
    assert validate(sent) == ()


def test_problems_come_to_an_end() -> None:
    """A resource with endless faults, or nested without end, is answered in short."""
    assert len(validate(resource("Patient", **{f"a{n}": 1 for n in range(1000)}))) == MAX_PROBLEMS
    extension: Resource = {"url": "x"}
    for _ in range(400):
        extension = {"url": "x", "extension": [extension]}
    (problem,) = validate(resource("Patient", extension=[extension]))
    assert problem.code == "too-costly"


def test_the_table_is_what_the_script_writes() -> None:
    """The shipped file and the classes that it was compiled from have not drifted apart."""
    path = Path(__file__).parents[3] / "conformance" / "r4-structure.json"
    assert orjson.loads(path.read_bytes()) == compile_structure()


def test_the_table_is_whole() -> None:
    """Every type that has a heading is in it, and every type that an element speaks of."""
    assert headings._BY_TYPE.keys() <= r4().resources
    for elements in r4().types.values():
        for element in elements.values():
            assert element.primitive or element.type in r4().types or element.type == "Resource"


@pytest.mark.corpus
def test_the_corpus_is_judged_as_the_oracle_judges_it(corpus: Path) -> None:
    """On each resource of each readable response the checker and the oracle say the same."""
    judged = refused = 0
    for path in sorted((corpus / "gp").rglob("*.json")):
        if "request" in path.name or "stu3-to-r4" in path.parts or b"{%" in path.read_bytes()[:9]:
            continue
        if "capability" in path.name:
            continue
        unit = list(decode(path.read_bytes(), "STU3"))[-1]
        assert isinstance(unit, Unit)
        for each in [*unit.tree["resources"], *unit.tree["outcomes"]]:
            found = validate(each)
            assert (not found) == oracle(each), (path.name, found)
            judged += 1
            refused += bool(found)
    assert judged > 4000
    assert 20 < refused < 100


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", " ", "a", "2026-02-30", "a b"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_what_the_oracle_refuses_is_refused(data: st.DataObject) -> None:
    """Whatever is taken out, put in or exchanged: the checker is at least as strict as the oracle."""
    kind = data.draw(st.sampled_from(sorted(VALID)))
    sent = resource(kind)
    node, key = data.draw(st.sampled_from(_slots(sent)))
    match data.draw(st.sampled_from(["remove", "exchange", "add"])):
        case "remove":
            del node[key]
        case "exchange":
            node[key] = data.draw(_JUNK)
        case "add" if isinstance(node, dict):
            node["notAnElement"] = "a"
            assert validate(sent)
    if not validate(sent):
        assert oracle(sent)


@pytest.mark.parametrize("kind", VALID)
def test_each_required_element_is_required(kind: str) -> None:
    """Taking out any element that R4 requires at the top is refused by both."""
    for name, element in r4().types[kind].items():
        if element.required:
            sent = resource(kind)
            del sent[name]
            assert Problem(f"{kind}.{name}", "required", "this element is required") in validate(sent)
            assert not oracle(sent)


def _slots(node: Any) -> list[tuple[Any, Any]]:
    """Every place below a node, but for the types of resources."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
    own = [(node, key) for key in keys if key != "resourceType"]
    return own + [slot for key in keys for slot in _slots(node[key])]
