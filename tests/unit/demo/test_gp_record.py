"""The simulated GP system: its record is FHIR STU3, its refusals are those of the Spine."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from typing import Any

import pytest
from fhir.resources.STU3.bundle import Bundle

from scr.consent.labels import Labeller
from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.decode.tree import Unit
from scr.demo.people import known_to, population
from scr.demo.person import GP, held
from scr.demo.places import PRACTICE_ASIDS, RECORD_ASID
from scr.demo.suppliers.gp import AREAS, REGISTRATION_COLUMNS, find, registrations, structured_record
from scr.demo.suppliers.gp_request import INTERACTION, PARTS, Part, Question, Refused, read_question
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, OdsCode
from scr.mapping.adapter import load_adapter
from scr.mapping.run import MappingContext, map_unit

PEOPLE = population(7, 60)
EVERYTHING: dict[str, dict[str, Part]] = {
    **{name: {} for name in AREAS},
    "includeAllergies": {"includeResolvedAllergies": Part("includeResolvedAllergies", value_boolean=True)},
    "includeImmunisations": {"includeNotGiven": Part("includeNotGiven", value_boolean=True)},
}
LISTS = {
    "886921000000105", "1103671000000101", "1149501000000101", "714311000000108", "1102181000000102",
    "887191000000108", "933361000000108", "792931000000107", "717711000000103", "826501000000100",
}  # fmt: skip


def record(index: int, sections: dict[str, dict[str, Part]] | None = None) -> list[dict[str, Any]]:
    """The resources of the answer about one of the people, after the Bundle was validated."""
    person = PEOPLE[index]
    wanted = EVERYTHING if sections is None else sections
    question = Question(person.nhs_number, person.practice, wanted, ("includeWeather",))
    raw = json.dumps(structured_record(person, question))
    assert Bundle.model_validate_json(raw).type == "collection"
    entries = json.loads(raw)["entry"]
    assert all(set(entry) == {"resource"} for entry in entries)
    return [entry["resource"] for entry in entries]


def of_type(kind: str, resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of one type."""
    return [resource for resource in resources if resource["resourceType"] == kind]


def list_codes(resources: list[dict[str, Any]]) -> list[str]:
    """The codes of the Lists."""
    return [listed["code"]["coding"][0]["code"] for listed in of_type("List", resources)]


@pytest.mark.parametrize("index", range(0, 60, 3))
def test_the_record_is_valid_stu3_and_hangs_together(index: int) -> None:
    """Each Bundle validates, has no fullUrl, every primary list, and no reference that leads nowhere."""
    resources = record(index)
    there = {f"{resource['resourceType']}/{resource.get('id')}" for resource in resources}
    assert {found for found in _references(resources) if not found.startswith("#")} <= there
    assert set(list_codes(resources)) >= LISTS


def _references(value: object) -> set[str]:
    if isinstance(value, dict):
        own = {value["reference"]} if isinstance(value.get("reference"), str) else set()
        return own.union(*(_references(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(_references(item) for item in value))
    return set()


def test_ended_allergies_are_contained_in_their_list() -> None:
    """They stand in the List and nowhere else; asked not to be told, there is no such List."""
    index = next(
        index for index, person in enumerate(PEOPLE) if any(a.ended for a in held(person.allergies, GP))
    )
    ended = of_type("List", record(index))[list_codes(record(index)).index("1103671000000101")]
    assert [allergy["clinicalStatus"] for allergy in ended["contained"]] == ["resolved"]
    without = {"includeAllergies": {"includeResolvedAllergies": Part("", value_boolean=False)}}
    assert list_codes(record(index, without)) == ["886921000000105"]


def test_only_what_is_asked_for_is_told() -> None:
    """Without include parameters the administrative resources come alone."""
    kinds = {resource["resourceType"] for resource in record(0, {})}
    assert kinds == {
        "Patient", "Organization", "Location", "Practitioner", "PractitionerRole", "OperationOutcome",
    }  # fmt: skip


def test_an_unknown_area_is_a_warning_inside_the_bundle() -> None:
    """The rest of the answer stands."""
    outcomes = of_type("OperationOutcome", record(0))
    assert [issue["severity"] for outcome in outcomes for issue in outcome["issue"]] == ["warning"]


def test_confidential_items_and_transit_are_warned_of() -> None:
    """The personas whose record is not whole say so on their lists."""
    by_name = {person.persona: index for index, person in enumerate(PEOPLE)}
    assert "confidential-items" in json.dumps(record(by_name["zofia"]))
    assert "data-in-transit" in json.dumps(record(by_name["harjit"]))


def token(**changes: object) -> str:
    """An unsigned token as the specification wants it, but for the changes."""
    now = int(time.time())
    organisation = {
        "resourceType": "Organization",
        "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "Z99001"}],
    }
    someone = {"identifier": [{"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "UNK"}]}
    claims = {
        "iss": "https://scr.example", "sub": "1", "aud": "https://gp.example", "iat": now, "exp": now + 300,
        "reason_for_request": "directcare", "requested_scope": "patient/*.read",
        "requesting_device": {"resourceType": "Device", **someone},
        "requesting_organization": organisation,
        "requesting_practitioner": {"resourceType": "Practitioner", **someone},
    } | changes  # fmt: skip
    kept = {name: value for name, value in claims.items() if value is not None}
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, kept))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


_FRESH = "made when it is asked: a token lasts five minutes, and a run of the tests longer"


def headers(**changes: str) -> dict[str, str]:
    """Headers as they should be, but for the changes (`Ssp_To` for `Ssp-To`)."""
    return {
        "Ssp-TraceID": "629ea9ba-a077-4d99-b289-7a9b19fd4e03",
        "Ssp-From": RECORD_ASID,
        "Ssp-To": PRACTICE_ASIDS["Z99001"],
        "Ssp-InteractionID": INTERACTION,
        "Content-Type": "application/fhir+json;charset=utf-8",
        "Authorization": _FRESH,
    } | {name.replace("_", "-"): value for name, value in changes.items()}


def asked_now(given: dict[str, str]) -> dict[str, str]:
    """The headers with a token of this moment, where they name no other."""
    return given | {"Authorization": f"Bearer {token()}"} if given["Authorization"] == _FRESH else given


def body(*parameters: object, number: str = "9990000018", system: str = NHS_NUMBER_SYSTEM) -> bytes:
    """A Parameters resource about a number."""
    who = {"name": "patientNHSNumber", "valueIdentifier": {"system": system, "value": number}}
    return json.dumps({"resourceType": "Parameters", "parameter": [who, *parameters]}).encode()


ALLERGIES = {"name": "includeAllergies", "part": [{"name": "includeResolvedAllergies", "valueBoolean": True}]}
BAD = [
    ("no trace", headers(Ssp_TraceID=""), body(), 400, "BAD_REQUEST"),
    ("other interaction", headers(Ssp_InteractionID="urn:x"), body(), 400, "BAD_REQUEST"),
    ("unknown system", headers(Ssp_From="1"), body(), 403, "ACCESS_DENIED"),
    ("unknown practice", headers(Ssp_To="1"), body(), 404, "ORGANISATION_NOT_FOUND"),
    ("wrong type", headers(Content_Type="text/plain"), body(), 415, "BAD_REQUEST"),
    ("no token", headers(Authorization=""), body(), 400, "BAD_REQUEST"),
    ("signed token", headers(Authorization=f"Bearer {token()}c2ln"), body(), 400, "BAD_REQUEST"),
    ("no audience", headers(Authorization=f"Bearer {token(aud='')}"), body(), 400, "BAD_REQUEST"),
    ("no claim", headers(Authorization=f"Bearer {token(sub=None)}"), body(), 400, "BAD_REQUEST"),
    ("expired", headers(Authorization=f"Bearer {token(iat=1, exp=301)}"), body(), 400, "BAD_REQUEST"),
    ("long life", headers(Authorization=f"Bearer {token(exp=2**31)}"), body(), 400, "BAD_REQUEST"),
    (
        "research",
        headers(Authorization=f"Bearer {token(reason_for_request='r')}"),
        body(),
        400,
        "BAD_REQUEST",
    ),
    ("no JSON", headers(), b"<Parameters/>", 400, "BAD_REQUEST"),
    ("no Parameters", headers(), b'{"resourceType": "Patient"}', 422, "INVALID_RESOURCE"),
    ("no number", headers(), b'{"resourceType": "Parameters"}', 422, "INVALID_PARAMETER"),
    ("check digit", headers(), body(number="9990000019"), 400, "INVALID_NHS_NUMBER"),
    ("other system", headers(), body(system="urn:x"), 400, "INVALID_IDENTIFIER_SYSTEM"),
    ("part missing", headers(), body({"name": "includeAllergies"}), 422, "INVALID_PARAMETER"),
    ("twice", headers(), body(ALLERGIES, ALLERGIES), 422, "INVALID_PARAMETER"),
    (
        "strange part",
        headers(),
        body({"name": "includeProblems", "part": [{"name": "colour", "valueCode": "red"}]}),
        422,
        "INVALID_PARAMETER",
    ),
    (
        "no date",
        headers(),
        body(
            {"name": "includeMedication", "part": [{"name": "medicationSearchFromDate", "valueDate": "May"}]}
        ),
        422,
        "INVALID_PARAMETER",
    ),
]


@pytest.mark.parametrize(
    ("given", "content", "status", "code"), [row[1:] for row in BAD], ids=[r[0] for r in BAD]
)
def test_what_is_wrong_is_refused_in_the_words_of_the_spine(
    given: dict[str, str], content: bytes, status: int, code: str
) -> None:
    """Each mistake has its status and its code, and the number is not repeated."""
    with pytest.raises(Refused) as refused:
        read_question(asked_now(given), content, RECORD_ASID)
    assert refused.value.status == status
    assert f'"{code}"' in json.dumps(refused.value.outcome)
    assert "999000001" not in json.dumps(refused.value.outcome)


def test_a_right_question_is_read() -> None:
    """All areas that the specification names are understood, what is not known is kept for a warning."""
    others = [{"name": name} for name in PARTS if name != "includeAllergies"]
    question = read_question(
        asked_now(headers()), body(ALLERGIES, *others, {"name": "includeWeather"}), RECORD_ASID
    )
    assert question.practice == "Z99001"
    assert set(question.sections) == set(PARTS)
    assert question.unknown == ("includeWeather",)


def test_a_practice_answers_for_its_own_patients_only() -> None:
    """Another practice's patient is not found; one who dissents is not told of."""
    people = known_to(GP, 7, 400)
    own = next(person for person in people.values() if person.practice == "Z99001" and not person.dissents)
    assert find(people, Question(own.nhs_number, "Z99001", {}, ())) == own
    with pytest.raises(Refused, match="PATIENT_NOT_FOUND"):
        find(people, Question(own.nhs_number, "Z99002", {}, ()))
    dissenter = next(person for person in people.values() if person.dissents)
    with pytest.raises(Refused, match="NO_PATIENT_CONSENT"):
        find(people, Question(dissenter.nhs_number, dissenter.practice, {}, ()))


def test_registration_lists_divide_the_patients() -> None:
    """Each patient who lives is on the list of one practice."""
    people = known_to(GP, 7, 60)
    lists = [registrations(people, practice).decode().splitlines() for practice in PRACTICE_ASIDS]
    assert all(tuple(lines[0].split(",")) == REGISTRATION_COLUMNS for lines in lists)
    listed = [line.split(",")[0] for lines in lists for line in lines[1:]]
    assert sorted(listed) == sorted(number for number, person in people.items() if not person.died)


def test_one_of_the_story_has_a_diagnosis_that_is_withheld() -> None:
    """The diagnosis, the consultations about it and the lists that name it are restricted, little else."""
    [person] = [one for one in PEOPLE if one.persona == "gwilym"]
    question = Question(person.nhs_number, person.practice, EVERYTHING, ())
    adapter = load_adapter(DataFiles(), "gp-connect")
    [unit] = adapter.units(json.dumps(structured_record(person, question)).encode())
    assert isinstance(unit, Unit)
    policy = load_policy(DataFiles())
    context = MappingContext(
        OdsCode(person.practice), "someone", b"k" * 32, 0, adapter.maps, steps=(Labeller(policy.labels),)
    )
    entries = map_unit(adapter, unit, context).entries
    withheld = Counter(e.type for e in entries if policy.is_above(policy.roles["R8000"], e.labels))
    assert withheld["Condition"] == 1
    assert withheld["Encounter"] >= 1
    assert withheld.total() < len(entries) / 4
