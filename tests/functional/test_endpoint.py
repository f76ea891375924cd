"""The FHIR endpoint over a whole deployment: what is found, read and told."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import orjson
import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from tests.functional.deployment import ADA, BASE, Deployment, Said, Tree, checked, url_of

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, opaque_id
from scr.identity.index import find
from scr.terminology.operations.shelf import KINDS

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VALUES = {"date": "2025", "number": "5", "quantity": "5", "composite": "x$2025"}
IDENTIFIER = f"{NHS_NUMBER_SYSTEM}|{ADA.value}"


async def test_metadata_says_what_is_served(deployment: Deployment) -> None:
    """Without a token: a valid CapabilityStatement that lists types and parameters, and names the issuer."""
    response = await deployment.client.get(f"{BASE}/metadata")
    statement = CapabilityStatement.model_validate_json(response.content)
    assert response.status_code == 200
    assert statement.fhirVersion == "4.0.1"
    body: Tree = orjson.loads(response.content)
    resources = {one["type"]: one for one in body["rest"][0]["resource"]}
    assert {"Patient", "Observation", "Condition", "AllergyIntolerance", "Encounter"} <= set(resources)
    assert deployment.issuer.url in body["rest"][0]["security"]["description"]
    subject = await deployment.subject()
    for kind in resources.keys() - {"Patient", *KINDS, "AuditEvent"}:  # the last is for officers alone
        named = {one["name"]: one["type"] for one in resources[kind]["searchParam"]}
        query = {name: _VALUES.get(type_, "x") for name, type_ in named.items()}
        query |= dict.fromkeys({"patient", "subject"} & named.keys(), subject)
        said = await deployment.get(f"{kind}?{urlencode(query)}")
        assert said.status == 200, (kind, said.body)


@pytest.mark.parametrize("value", [IDENTIFIER, ADA.value, f"{NHS_NUMBER_SYSTEM}|{ADA.spaced}"])
async def test_a_person_is_found_by_number(deployment: Deployment, value: str) -> None:
    """By GET and by POST, with and without the system: one Patient, whose links hold no number."""
    found = await deployment.get("Patient", identifier=value)
    posted = await deployment.post("Patient/_search", {"identifier": value})
    for said in (found, posted):
        assert (said.status, said.body["total"]) == (200, 1)
        [patient] = said.matches
        assert said.link("self") == f"{BASE}/Patient?_id={patient['id']}"
        assert {"system": NHS_NUMBER_SYSTEM, "value": ADA.value} in patient["identifier"]
    assert found.ids == posted.ids == (await deployment.get(found.link("self") or "")).ids


async def test_the_patient_is_composed_and_linked(deployment: Deployment) -> None:
    """The practice's name leads; every source's own Patient is linked and can be read."""
    patient = (await deployment.get(f"Patient/{await deployment.subject()}")).body
    assert patient["name"][0]["family"] == "O'Sample"
    links = [link["other"]["reference"] for link in patient["link"]]
    own = [(await deployment.get(link)).body for link in links]
    sources = sorted(one["meta"]["source"].split("#")[0] for one in own)
    assert sources == ["urn:ods:A81001", "urn:ods:C99", "urn:ods:QXX", "urn:ods:RXX"]


async def test_everything_is_one_record_from_all_sources(deployment: Deployment) -> None:
    """Stored and live together, the composed Patient first, each entry once, each source in the ledger."""
    subject = await deployment.subject()
    said = await deployment.get(f"Patient/{subject}/$everything")
    assert said.status == 200
    assert said.ids[0] == f"Patient/{subject}"
    assert len(set(said.ids)) == len(said.ids) == said.body["total"]
    kinds = {one["resourceType"] for one in said.matches}
    assert {
        "Patient",
        "Encounter",
        "AllergyIntolerance",
        "Condition",
        "Observation",
        "EpisodeOfCare",
    } <= kinds
    assert said.ledger == {"A81001": "answered", "C99": "answered", "QXX": "answered", "RXX": "answered"}
    assert said.headers["x-scr-ledger"] == "4/4 answered"
    for one in said.matches[1:]:
        about = one.get("subject") or one.get("patient")
        assert about is None or about["reference"] == f"Patient/{subject}"


async def test_everything_narrows_by_type_and_time(deployment: Deployment) -> None:
    """``_type`` and ``_since`` leave out, and say that all sources were asked."""
    path = f"Patient/{await deployment.subject()}/$everything"
    some = await deployment.get(path, _type="Condition,AllergyIntolerance")
    assert {one["resourceType"] for one in some.matches} == {"Condition", "AllergyIntolerance"}
    assert (await deployment.get(path, _since="2100-01-01")).body["total"] == 0
    assert (await deployment.get(path, _since="2000-01-01T00:00:00+01:00")).body["total"] > 5


async def test_everything_narrows_by_the_date_of_care(deployment: Deployment) -> None:
    """``start`` and ``end`` leave out what was wholly before or after, and nothing that has no date."""
    path = f"Patient/{await deployment.subject()}/$everything"
    ids = {opaque_id(deployment.services.keys.id_key, "QXX", "Observation", f"o{n}"): n for n in (1, 2, 3)}

    async def found(**query: str) -> set[int]:
        said = await deployment.get(path, _reconciled="false", **query)
        assert {"Patient", "AllergyIntolerance"} <= {one["resourceType"] for one in said.matches}
        return {ids[one["id"]] for one in said.matches if one["id"] in ids}

    assert await found() == await found(start="2025-01-10", end="2025-06-10") == {1, 2, 3}
    assert await found(start="2025-01-11") == {2, 3}
    assert await found(end="2025-03") == {1, 3}
    assert await found(start="2025-03-10", end="2025-03-10") == {3}
    assert await found(start="2025-03-11T00:00:00Z", end="2025-03-12") == set()
    for query in ("start=soon", "end=", "start=2025&start=2026"):
        assert (await deployment.get(f"{path}?{query}")).status == 400


async def test_everything_is_asked_with_parameters(deployment: Deployment) -> None:
    """By POST, as any operation may be: what stands in the body narrows as it does in an address."""
    path = f"Patient/{await deployment.subject()}/$everything"
    headers = {"Authorization": deployment.bearer(), "content-type": "application/fhir+json"}

    async def posted(*parts: Tree, **beside: object) -> Said:
        body = orjson.dumps({"resourceType": "Parameters", "parameter": parts, **beside})
        return checked(await deployment.client.post(url_of(path), headers=headers, content=body))

    asked = await posted(
        {"name": "start", "valueDate": "2025-06"}, {"name": "_type", "valueCode": "Observation"}
    )
    assert asked.ids == (await deployment.get(path, start="2025-06", _type="Observation")).ids != []
    assert checked(await deployment.client.post(url_of(path), headers=headers)).status == 200
    each = await posted(*({"name": "_type", "valueCode": kind} for kind in ("Condition", "Observation")))
    assert each.ids == (await deployment.get(path, _type="Condition,Observation")).ids != []
    assert (await posted({"name": "starts", "valueDate": "2025-06"})).code == "unknown-parameter"
    assert (await posted({"name": "x", "resource": {"resourceType": "Basic"}})).code == "bad-parameters"
    assert (await posted(resourceType="Patient")).code == "bad-parameters"


SEARCHES = [
    ("Observation", {}, {"o1", "o2", "o3"}),
    ("Observation", {"code": "27113001"}, {"o1", "o2"}),
    ("Observation", {"code": "http://snomed.info/sct|27113001"}, {"o1", "o2"}),
    ("Observation", {"code": "http://loinc.org|27113001"}, set()),
    ("Observation", {"code:not": "27113001"}, {"o3"}),
    ("Observation", {"category": "laboratory"}, {"o3"}),
    ("Observation", {"date": "ge2025-03"}, {"o2", "o3"}),
    ("Observation", {"date": "2025-06-10"}, {"o2"}),
    ("Observation", {"status": "final"}, {"o1", "o2", "o3"}),
    ("Observation", {"status": "preliminary"}, set()),
    ("Observation", {"code": "27113001", "date": "lt2025-03"}, {"o1"}),
    ("Observation", {"_lastUpdated": "ge2020"}, {"o1", "o2", "o3"}),
    ("Observation", {"_lastUpdated": "lt2020"}, set()),
    ("Observation", {"_security": "R"}, set()),
    ("Condition", {"clinical-status": "resolved"}, {"c2"}),
    ("Condition", {"clinical-status": f"{CLINICAL}|resolved"}, {"c2"}),
    ("Condition", {"date": "2011"}, {"c1"}),
]  # fmt: skip


async def test_a_type_is_searched_by_each_parameter(deployment: Deployment) -> None:
    """What the parameters say is what is found, in what the neighbour gave; the total is the number found."""
    subject = await deployment.subject()
    for kind, query, expected in SEARCHES:
        said = await deployment.get(kind, patient=subject, **query)
        local = _by_local_id(deployment, said.matches)
        assert set(local) - {""} == expected, (kind, query)
        assert said.body["total"] == len(said.matches)
        posted = await deployment.post(f"{kind}/_search", {"patient": subject, **query})
        assert posted.ids == said.ids


def _by_local_id(deployment: Deployment, resources: list[Tree]) -> list[str]:
    """The neighbour's own ids, in order; empty for what is not the neighbour's."""
    by_content = {
        (one["code"]["coding"][0]["code"], one.get("effectiveDateTime") or one.get("onsetDateTime")): one[
            "id"
        ]
        for one in deployment.neighbour.resources
    }
    return [
        by_content[one["code"]["coding"][0]["code"], one.get("effectiveDateTime") or one.get("onsetDateTime")]
        if one["meta"]["source"].startswith("urn:ods:QXX")
        else ""
        for one in resources
    ]


async def test_what_is_found_is_sorted(deployment: Deployment) -> None:
    """By date either way."""
    subject = await deployment.subject()
    up = await deployment.get("Observation", patient=subject, _sort="date")
    down = await deployment.get("Observation", patient=subject, _sort="-date")
    assert _by_local_id(deployment, up.matches) == ["o1", "o3", "o2"]
    assert _by_local_id(deployment, down.matches) == ["o2", "o3", "o1"]


async def test_a_count_of_nothing_gives_the_total_alone(deployment: Deployment) -> None:
    """``_count=0``: how many there are, and none of them."""
    said = await deployment.get("Observation", patient=await deployment.subject(), _count="0")
    assert (said.body["total"], said.matches, said.link("next")) == (3, [], None)


async def test_every_id_that_was_served_can_be_read_again(deployment: Deployment) -> None:
    """Stored or live, each resource is read by its id, the same to the byte, with its version as ETag."""
    said = await deployment.get(f"Patient/{await deployment.subject()}/$everything")
    for one in said.matches:
        read = await deployment.get(f"{one['resourceType']}/{one['id']}")
        assert read.status == 200
        assert _without_time(read.body) == _without_time(one)
        assert read.headers["etag"] == f'W/"{one["meta"]["versionId"]}"'
        assert "last-modified" in read.headers


def _without_time(resource: Tree) -> Tree:
    """A resource without ``lastUpdated``: of what a source dates nothing, it is the time of the answer."""
    meta = {name: value for name, value in resource["meta"].items() if name != "lastUpdated"}
    return {**resource, "meta": meta}


async def test_an_id_of_a_source_that_is_down_is_not_called_missing(deployment: Deployment) -> None:
    """Somebody who may see it is told that its source does not answer; others that there is nothing."""
    subject = await deployment.subject()
    [first, *_] = (await deployment.get("Observation", patient=subject)).ids
    deployment.neighbour.status = 503
    assert (await deployment.get(first)).status == 503
    assert (await deployment.get(first, role="R1460")).status == 404
    assert (await deployment.get(first, at="RZZ")).status == 404


async def test_a_source_that_is_down_costs_only_itself(deployment: Deployment) -> None:
    """The rest stands, the ledger names who is missing, and it comes back by itself."""
    subject = await deployment.subject()
    whole = await deployment.get(f"Patient/{subject}/$everything")
    deployment.neighbour.status = 500
    part = await deployment.get(f"Patient/{subject}/$everything")
    assert part.status == 200
    assert part.ledger == {**whole.ledger, "QXX": "down"}
    assert part.headers["x-scr-ledger"] == "3/4 answered; QXX=down"
    left = {one["id"] for one in whole.matches if not one["meta"]["source"].startswith("urn:ods:QXX")}
    assert {one["id"] for one in part.matches} == left
    deployment.neighbour.status = 200
    assert (await deployment.get(f"Patient/{subject}/$everything")).ids == whole.ids


async def test_another_person_s_answer_is_not_used(deployment: Deployment) -> None:
    """A neighbour that answers with somebody else's record adds nothing, and is told of."""
    subject = await deployment.subject()
    deployment.neighbour.patient["birthDate"] = "1999-09-09"
    deployment.neighbour.patient["name"] = [{"family": "Stranger", "given": ["Zed"]}]
    said = await deployment.get(f"Patient/{subject}/$everything")
    assert said.ledger["QXX"] == "down"
    assert b"Stranger" not in said.raw


async def test_what_changes_at_the_source_has_another_version(deployment: Deployment) -> None:
    """The id stays, the version does not."""
    subject = await deployment.subject()
    query = {"patient": subject, "code": "27113001", "date": "2025-01-10"}
    [before] = (await deployment.get("Observation", **query)).matches
    deployment.neighbour.resources[0]["status"] = "amended"
    [after] = (await deployment.get("Observation", **query)).matches
    assert before["id"] == after["id"]
    assert (before["status"], after["status"]) == ("final", "amended")
    assert before["meta"]["versionId"] != after["meta"]["versionId"]


async def test_one_look_asks_of_many_at_once_stays_apart(deployment: Deployment) -> None:
    """Many questions at once, of several actors, each get their own answer."""
    subject = await deployment.subject()
    asked = [
        deployment.get("Observation", patient=subject, role=role, at=at)
        for role, at in [("R8000", "A81001"), ("R1460", "A81001"), ("R8000", "RZZ"), ("R8001", "RXX")] * 5
    ]
    answers = await asyncio.gather(*asked)
    assert [answer.status for answer in answers] == [200, 200, 404, 200] * 5
    totals = [answer.body.get("total") for answer in answers]
    assert totals == [3, 0, None, 3] * 5


async def test_the_audit_has_a_row_for_every_answer(deployment: Deployment) -> None:
    """Each answer's correlation is that of one row: who, in which role, about whom, with what outcome."""
    subject = await deployment.subject()
    number = {"identifier": IDENTIFIER}
    answers = [
        await deployment.get(f"Patient/{subject}/$everything"),
        await deployment.get("Observation", patient=subject, nonsense="1"),
        await deployment.get("Observation", patient="nobody"),
        await deployment.get("Patient", **number, role="R8009"),
        await deployment.get("Patient", **number, at="RZZ"),
        await deployment.post("Patient/_search", number),
        checked(await deployment.client.get(f"{BASE}/Patient/{subject}")),
    ]
    told = []
    for answer in answers:
        correlation = answer.headers["x-correlation-id"]
        [row] = [row for row in deployment.audit() if row.correlation == correlation]
        told.append(row)
    assert [(row.outcome, row.code, row.what, row.organisation) for row in told] == [
        ("success", "permitted", "Patient/$everything", "A81001"),
        ("refused", "unknown-parameter", "Observation", "A81001"),
        ("refused", "not-found", "Observation", "A81001"),
        ("refused", "role-activity", "Patient", "A81001"),
        ("refused", "no-relationship", "Patient", "RZZ"),
        ("success", "permitted", "Patient", "A81001"),
        ("refused", "no-token", "Patient", ""),
    ]
    person = deployment.services.database.read_now(lambda c: find(c, deployment.services.keys, ADA))
    assert person is not None
    assert [row.person == person.key for row in told] == [True, False, False, False, True, True, False]
    assert told[0].details["ledger"] == "4/4 answered"
    assert ADA.value not in str(told)
