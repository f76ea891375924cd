"""STU3 to R4, element by element."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scr.fhir.entry import Resource
from scr.fhir.stu3 import RULES, convert

THO = "http://terminology.hl7.org/CodeSystem/"
CARECONNECT = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-"
UKCORE = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
FROM_STU3 = "http://hl7.org/fhir/3.0/StructureDefinition/extension-"
DOCTOR = {"reference": "Practitioner/1"}
SURGERY = {"reference": "Organization/1"}
VISIT = {"reference": "Encounter/1"}


def one(kind: str, **elements: Any) -> tuple[Resource, tuple[str, ...]]:
    """The single resource that ``elements`` become, without its type, and what was lost."""
    converted = convert({"resourceType": kind, **elements})
    (resource,) = converted.resources
    del resource["resourceType"]
    return resource, converted.lost


def coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


CARRIED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("Condition", {"clinicalStatus": "remission"},
     {"clinicalStatus": coded(THO + "condition-clinical", "remission")}),
    ("Condition", {"context": VISIT, "assertedDate": "2020"}, {"encounter": VISIT, "recordedDate": "2020"}),
    ("AllergyIntolerance", {"verificationStatus": "confirmed"},
     {"verificationStatus": coded(THO + "allergyintolerance-verification", "confirmed")}),
    ("AllergyIntolerance",
     {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/encounter-associatedEncounter",
                     "valueReference": VISIT}]},
     {"encounter": VISIT}),
    ("Observation", {"comment": "Seen", "context": VISIT}, {"note": [{"text": "Seen"}], "encounter": VISIT}),
    ("Observation", {"interpretation": {"text": "High"}}, {"interpretation": [{"text": "High"}]}),
    ("Observation",
     {"related": [{"type": "has-member", "target": {"reference": "Observation/2"}},
                  {"type": "derived-from", "target": {"reference": "Observation/3"}}]},
     {"hasMember": [{"reference": "Observation/2"}], "derivedFrom": [{"reference": "Observation/3"}]}),
    ("MedicationRequest", {"requester": {"agent": DOCTOR}}, {"requester": DOCTOR}),
    ("MedicationRequest", {"requester": {"onBehalfOf": SURGERY}}, {"requester": SURGERY}),
    ("MedicationRequest", {"requester": {"agent": DOCTOR, "onBehalfOf": SURGERY}},
     {"requester": DOCTOR,
      "extension": [{"url": FROM_STU3 + "MedicationRequest.requester.onBehalfOf",
                     "valueReference": SURGERY}]}),
    ("MedicationRequest", {"substitution": {"allowed": False}}, {"substitution": {"allowedBoolean": False}}),
    ("MedicationRequest", {"dosageInstruction": [{"text": "One", "doseQuantity": {"value": 1}}]},
     {"dosageInstruction": [{"text": "One", "doseAndRate": [{"doseQuantity": {"value": 1}}]}]}),
    ("MedicationStatement", {"status": "stopped", "context": VISIT}, {"status": "stopped", "context": VISIT}),
    ("MedicationStatement", {"status": "active", "taken": "n"},
     {"status": "not-taken",
      "extension": [{"url": FROM_STU3 + "MedicationStatement.taken", "valueCode": "n"}]}),
    ("Medication", {"package": {"batch": [{"lotNumber": "B1"}]}}, {"batch": {"lotNumber": "B1"}}),
    ("Immunization", {"status": "completed", "notGiven": True,
                      "explanation": {"reasonNotGiven": [{"text": "Refused"}]}},
     {"status": "not-done", "statusReason": {"text": "Refused"}, "occurrenceString": "unknown"}),
    ("Immunization", {"date": "2020-01-02", "practitioner": [{"role": {"text": "AP"}, "actor": DOCTOR}]},
     {"occurrenceDateTime": "2020-01-02", "performer": [{"function": {"text": "AP"}, "actor": DOCTOR}]}),
    ("Immunization", {"date": "2020", "vaccinationProtocol": [{"doseSequence": 1, "seriesDoses": 3}]},
     {"occurrenceDateTime": "2020",
      "protocolApplied": [{"doseNumberPositiveInt": 1, "seriesDosesPositiveInt": 3}]}),
    ("Immunization", {"date": "2020", "vaccinationProtocol": [{"series": "A"}]},
     {"occurrenceDateTime": "2020", "protocolApplied": [{"series": "A", "doseNumberString": "unknown"}]}),
    ("Immunization",
     {"date": "2020", "extension": [{"url": CARECONNECT + "DateRecorded-1", "valueDateTime": "2021"}]},
     {"occurrenceDateTime": "2020", "recorded": "2021"}),
    ("Encounter", {"status": "finished"},
     {"status": "finished", "class": {"system": THO + "v3-ActCode", "code": "AMB", "display": "ambulatory"}}),
    ("Encounter", {"class": {"system": "http://hl7.org/fhir/v3/ActCode", "code": "HH"}},
     {"class": {"system": THO + "v3-ActCode", "code": "HH"}}),
    ("ProcedureRequest", {"status": "cancelled", "context": VISIT, "performer": DOCTOR},
     {"status": "revoked", "encounter": VISIT, "performer": [DOCTOR]}),
    ("ReferralRequest", {"description": "Swollen", "note": [{"text": "Second"}], "recipient": [DOCTOR],
                         "serviceRequested": [{"text": "Physio"}, {"text": "X-ray"}]},
     {"note": [{"text": "Swollen"}, {"text": "Second"}], "performer": [DOCTOR], "code": {"text": "Physio"},
      "orderDetail": [{"text": "X-ray"}],
      "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005",
                                "display": "Patient referral"}]}]}),
    ("List",
     {"entry": [{"item": {"reference": "ReferralRequest/1"}}, {"item": {"reference": "Condition/1"}}]},
     {"entry": [{"item": {"reference": "ServiceRequest/1"}}, {"item": {"reference": "Condition/1"}}]}),
    ("DocumentReference",
     {"created": "2020-01-02T03:04:05Z", "indexed": "2020-02-02T03:04:05Z", "class": {"text": "Letter"},
      "content": [{"attachment": {"title": "L"}}], "context": {"encounter": VISIT}},
     {"date": "2020-02-02T03:04:05Z", "category": [{"text": "Letter"}], "context": {"encounter": [VISIT]},
      "content": [{"attachment": {"title": "L", "creation": "2020-01-02T03:04:05Z"}}]}),
    ("DocumentReference", {"created": "2020"},
     {"extension": [{"url": FROM_STU3 + "DocumentReference.created", "valueDateTime": "2020"}]}),
    ("DiagnosticReport", {"performer": [{"actor": DOCTOR}], "codedDiagnosis": [{"text": "D"}]},
     {"performer": [DOCTOR], "conclusionCode": [{"text": "D"}]}),
    ("QuestionnaireResponse",
     {"parent": [DOCTOR], "questionnaire": {"reference": "Questionnaire/1"},
      "item": [{"answer": [{"valueString": "a"}]}, {"linkId": "x", "item": [{"text": "b"}]}]},
     {"partOf": [DOCTOR], "questionnaire": "Questionnaire/1",
      "item": [{"linkId": "1", "answer": [{"valueString": "a"}]},
               {"linkId": "x", "item": [{"linkId": "x.1", "text": "b"}]}]}),
    ("Procedure", {"status": "aborted", "performer": [{"role": {"text": "S"}, "actor": DOCTOR}]},
     {"status": "stopped", "performer": [{"function": {"text": "S"}, "actor": DOCTOR}]}),
    ("Location", {"type": {"text": "Surgery"}}, {"type": [{"text": "Surgery"}]}),
    ("HealthcareService", {"eligibility": {"text": "All"}, "eligibilityNote": "Free", "programName": ["P"]},
     {"eligibility": [{"code": {"text": "All"}, "comment": "Free"}], "program": [{"text": "P"}]}),
    ("Appointment", {"reason": [{"text": "Cough"}]}, {"reasonCode": [{"text": "Cough"}]}),
    ("Binary", {"contentType": "text/plain", "content": "YQ=="},
     {"contentType": "text/plain", "data": "YQ=="}),
    ("Organization", {"meta": {"profile": ["p"], "versionId": "2"}}, {"meta": {"versionId": "2"}}),
    ("Patient", {"meta": {"profile": ["p"]}, "telecom": [], "birthDate": None}, {}),
    ("Specimen", {"receivedTime": "2020-07-01T10:00:00", "type": {"text": ""}},
     {"receivedTime": "2020-07-01T10:00:00+01:00"}),
    ("Patient",
     {"maritalStatus": {"coding": [{"system": "http://hl7.org/fhir/v3/MaritalStatus", "code": " M"}]}},
     {"maritalStatus": {"coding": [{"system": THO + "v3-MaritalStatus", "code": "M"}]}}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "sent", "given"), CARRIED)
def test_what_is_carried(kind: str, sent: dict[str, Any], given: dict[str, Any]) -> None:
    """Each rule gives exactly the R4 that it should, and loses nothing."""
    assert one(kind, **sent) == (given, ())


LOST: list[tuple[str, dict[str, Any], str]] = [
    ("Patient", {"animal": {"species": {"text": "Cat"}}}, "Patient.animal"),
    ("Patient", {"name": [{"family": "A", "nick": "B"}]}, "Patient.name.nick"),
    ("Patient", {"Ann Smith 999 123": 1}, "Patient.?"),
    ("Condition", {"verificationStatus": "unknown"}, "Condition.verificationStatus"),
    ("Observation", {"related": [{"type": "replaces", "target": VISIT}]}, "Observation.related"),
    ("MedicationStatement", {"taken": "unk"}, "MedicationStatement.taken"),
    ("DiagnosticReport", {"performer": [{"actor": DOCTOR, "role": {"text": "R"}}]},
     "DiagnosticReport.performer.role"),
    ("Medication", {"package": {"container": {"text": "Box"}}}, "Medication.package"),
    ("List", {"contained": [{"resourceType": "Conformance", "id": "1"}]}, "List.contained"),
    ("List", {"contained": [{"resourceType": "Patient", "id": "1", "animal": {"x": 1}}]}, "Patient.animal"),
    ("Immunization", {"explanation": {"other": 1}}, "Immunization.explanation.other"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "sent", "path"), LOST)
def test_what_is_lost_is_named(kind: str, sent: dict[str, Any], path: str) -> None:
    """Each element without a place in R4 is named by its path in the source; an odd name is not told."""
    assert one(kind, **sent)[1] == (path,)


def test_a_type_without_rules_is_named_whole() -> None:
    """A resource that cannot be converted gives nothing, and says so."""
    assert convert({"resourceType": "CapabilityStatement"}).lost == ("CapabilityStatement",)
    assert convert({"resourceType": "CapabilityStatement"}).resources == ()
    assert convert({"resourceType": 7}).resources == ()


@pytest.mark.parametrize(
    ("prescription", "course"),
    [("acute", "acute"), ("repeat", "continuous"), ("repeat-dispensing", "continuous-repeat-dispensing")],
)
def test_the_type_of_a_prescription(prescription: str, course: str) -> None:
    """PrescriptionType becomes courseOfTherapyType with the supplier's wording as its text."""
    concept = {"coding": [{"system": "x", "code": prescription, "display": "As said"}]}
    resource, lost = one(
        "MedicationRequest",
        extension=[{"url": CARECONNECT + "PrescriptionType-1", "valueCodeableConcept": concept}],
    )
    system = "https://fhir.nhs.uk/CodeSystem/medicationrequest-course-of-therapy"
    assert resource == {"courseOfTherapyType": {**coded(system, course), "text": "As said"}}
    assert lost == ()


KEPT = [
    [{"url": CARECONNECT + "ListWarningCode-1", "valueCode": "confidential-items"}],
    [{"url": CARECONNECT + "PrescriptionType-1", "valueCodeableConcept": coded("x", "delayed")}],
    [{"url": "https://example.org/own", "valueString": "kept"}],
]


@pytest.mark.parametrize("extension", KEPT)
def test_other_extensions_stay_as_they_are(extension: list[Resource]) -> None:
    """Warnings of a list, and whatever no rule knows, are still there."""
    kind = "List" if "ListWarning" in extension[0]["url"] else "MedicationRequest"
    assert one(kind, extension=[dict(extension[0])]) == ({"extension": extension}, ())


@pytest.mark.parametrize(
    "url",
    [
        "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-coding-sctdescid",
        "http://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-coding-sctdecsid",
    ],
)
def test_the_term_that_a_clinician_chose(url: str) -> None:
    """Every spelling of the description extension becomes that of UK Core."""
    parts = [{"url": "DescriptionID", "valueId": "1"}, {"url": "descriptionDisplay", "valueString": "T"}]
    resource, lost = one("Medication", code={"coding": [{"extension": [{"url": url, "extension": parts}]}]})
    (extension,) = resource["code"]["coding"][0]["extension"]
    assert extension == {
        "url": UKCORE + "CodingSCTDescId",
        "extension": [
            {"url": "descriptionId", "valueIdentifier": {"system": "http://snomed.info/sct", "value": "1"}},
            {"url": "descriptionDisplay", "valueString": "T"},
        ],
    }
    assert lost == ()


def test_the_status_of_an_nhs_number() -> None:
    """It has the address and the code system of UK Core."""
    concept = coded("https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-NHSNumberVerificationStatus-1", "01")
    extension = {"url": CARECONNECT + "NHSNumberVerificationStatus-1", "valueCodeableConcept": concept}
    resource, _ = one("Patient", identifier=[{"extension": [extension]}])
    system = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"
    assert resource["identifier"][0]["extension"] == [
        {"url": UKCORE + "NHSNumberVerificationStatus", "valueCodeableConcept": coded(system, "01")}
    ]


@pytest.mark.parametrize(("local", "lifted"), [("7", "ended-7"), ("a" * 16, "a" * 16)])
def test_ended_allergies_are_lifted(local: str, lifted: str) -> None:
    """What a list of ended allergies contains comes out resolved, and the list points to it."""
    converted = convert({
        "resourceType": "List",
        "code": coded("http://snomed.info/sct", "1103671000000101"),
        "contained": [
            {"resourceType": "AllergyIntolerance", "id": local},
            {"resourceType": "Practitioner", "id": "p"},
        ],
        "entry": [{"item": {"reference": f"#{local}"}}, {"item": {"reference": "#p"}}],
    })  # fmt: skip
    ended, allergy = converted.resources
    assert allergy["id"] == lifted
    assert allergy["clinicalStatus"]["coding"][0]["code"] == "resolved"
    assert [entry["item"]["reference"] for entry in ended["entry"]] == [f"AllergyIntolerance/{lifted}", "#p"]
    assert [inner["id"] for inner in ended["contained"]] == ["p"]


def test_other_contained_resources_stay_where_they_are() -> None:
    """An allergy contained in a list of another code is converted in its place."""
    resource, _ = one(
        "List", contained=[{"resourceType": "AllergyIntolerance", "id": "1", "assertedDate": "2020"}]
    )
    assert resource["contained"] == [
        {"resourceType": "AllergyIntolerance", "id": "1", "recordedDate": "2020"}
    ]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_ENDED: dict[str, Any] = {
    "code": coded("http://snomed.info/sct", "1103671000000101"),
    "contained": [{"resourceType": "AllergyIntolerance", "id": "1"}],
    "entry": [{"item": {"reference": "#1"}}],
}


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_shape_of_input_breaks_the_conversion(data: st.DataObject) -> None:
    """Whatever stands in place of any node, a resource comes out, and what is told lost is FHIR's names."""
    samples = [(kind, sent) for kind, sent, _ in CARRIED] + [("List", _ENDED)]
    kind, sent = data.draw(st.sampled_from(samples))
    resource = copy.deepcopy({"resourceType": kind, **sent})
    for node, key in data.draw(st.lists(st.sampled_from(_slots(resource)), min_size=1, max_size=2)):
        node[key] = data.draw(_JSON)
    converted = convert(resource)
    assert converted.resources[0]["resourceType"] == RULES[kind].becomes
    for path in converted.lost:
        assert path.replace("?", "a").replace(".", "").replace("_", "").isalnum()


def _slots(node: Any) -> list[tuple[Any, Any]]:
    """Every place below a node where another value could stand, but for the type of the resource itself."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
    own = [(node, key) for key in keys if key != "resourceType"]
    return own + [slot for key in keys for slot in _slots(node[key])]
