"""What the endpoint refuses, and that refusals tell nothing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.functional.deployment import (
    ADA,
    BASE,
    CLEO,
    NOBODY,
    SERVER,
    Deployment,
    Said,
    checked,
    url_of,
)

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber

pytestmark = pytest.mark.asyncio(loop_scope="module")


def token_of(number: NHSNumber) -> dict[str, str]:
    """The parameter that asks for a number."""
    return {"identifier": f"{NHS_NUMBER_SYSTEM}|{number.value}"}


def told(said: Said) -> tuple[int, bytes, dict[str, str]]:
    """All of an answer that a client can tell apart, but for the id of the request."""
    headers = {name: value for name, value in said.headers.items() if name != "x-correlation-id"}
    return said.status, said.raw, headers


async def test_an_unknown_person_and_one_without_a_relationship_are_refused_alike(
    deployment: Deployment,
) -> None:
    """A practice that asks for a number learns nothing: neither by GET nor by POST, nor about whom."""
    answers = [await deployment.get("Patient", **token_of(number)) for number in (NOBODY, CLEO)]
    answers += [await deployment.post("Patient/_search", token_of(number)) for number in (NOBODY, CLEO)]
    answers.append(await deployment.get("Patient", at="RZZ", **token_of(ADA)))
    assert {told(answer)[:2] for answer in answers} == {(403, answers[0].raw)}
    assert answers[0].code == "no-relationship"
    assert await deployment.subject(CLEO, at="RXX")  # she is known, to those who care for her


async def test_a_denied_id_and_an_unknown_one_get_the_same_answer(deployment: Deployment) -> None:
    """By role, by relationship or not there at all: one and the same 404, to the byte."""
    subject = await deployment.subject()
    cleo = await deployment.subject(CLEO, at="RXX")
    everything = await deployment.get(f"Patient/{subject}/$everything")
    for reference in everything.ids:
        kind = reference.partition("/")[0]
        unknown = await deployment.get(f"{kind}/{'x' * 26}")
        assert unknown.status == 404
        stranger = await deployment.get(reference, at="RZZ")
        assert told(stranger) == told(unknown)
    observation = next(one for one in everything.ids if one.startswith("Observation/"))
    not_opened = await deployment.get(observation, role="R1460")
    assert told(not_opened) == told(await deployment.get(f"Observation/{'x' * 26}", role="R1460"))
    wrong_type = await deployment.get(f"Condition/{observation.partition('/')[2]}")
    assert told(wrong_type) == told(await deployment.get(f"Condition/{'x' * 26}"))
    for path in ("Patient/{}", "Patient/{}/$everything", "Observation?patient={}", "Patient?_id={}"):
        hers = await deployment.get(path.format(cleo))
        assert hers.status == 404
        assert told(hers) == told(await deployment.get(path.format("x" * 26)))


@pytest.mark.parametrize(
    "path", ["Patient/x", "Patient/x/$everything", "Observation?patient=x", "?_page=x", "Nonsense/1"]
)
async def test_without_a_good_token_nothing_is_answered(deployment: Deployment, path: str) -> None:
    """No token, a bad one and one of another audience: 401 with the way to sign in, whatever was asked."""
    for headers in ({}, {"Authorization": "Bearer a.b.c"}, {"Authorization": deployment.bearer(aud="other")}):
        said = checked(await deployment.client.get(url_of(path), headers=headers))
        assert said.status == 401
        assert said.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_comes_in_one_header_and_nowhere_else(deployment: Deployment) -> None:
    """Two headers are none, also of one token twice; one in the query or the form is no token (RFC 6750)."""
    good, other = deployment.bearer(), deployment.bearer("R8001")
    token = good.removeprefix("Bearer ")
    number = token_of(ADA)
    asked = [
        (await deployment.client.get(
            f"{BASE}/Patient", params=number, headers=[("Authorization", good), ("Authorization", second)]
        ), 401, "bad-token")
        for second in (good, other, "Basic abc")
    ]  # fmt: skip
    asked += [
        (await deployment.client.get(f"{BASE}/Patient?access_token={token}"), 401, "no-token"),
        (
            await deployment.client.post(f"{BASE}/Patient/_search", data=number | {"access_token": token}),
            401,
            "no-token",
        ),
    ]
    for answer, status, code in asked:
        said = checked(answer)
        assert (said.status, said.code) == (status, code)
        challenge = 'Bearer realm="scr"' + ("" if code == "no-token" else ', error="invalid_token"')
        assert said.headers["www-authenticate"] == challenge
        assert token not in answer.text
    row = deployment.audit()[0]
    assert (row.outcome, row.code, row.actor) == ("refused", "no-token", "")


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"nhsid_useruid": None}, "actor-kind"),
        ({"selected_roleid": "another"}, "no-role"),
        ({"nhsid_nrbac_roles": []}, "no-role"),
        ({"scope": ""}, "scope"),
        ({"scope": "user/*.c"}, "scope"),
        ({"scope": "openid profile"}, "scope"),
    ],
)
async def test_a_token_that_opens_nothing_is_refused_before_anyone_is_looked_for(
    deployment: Deployment, claims: dict[str, Any], code: str
) -> None:
    """The refusal is the same for everybody's record, and it says why."""
    answers = []
    for number in (ADA, NOBODY):
        headers = {"Authorization": deployment.bearer(**claims)}
        answers.append(
            checked(await deployment.client.get(f"{BASE}/Patient", headers=headers, params=token_of(number)))
        )
    assert [answer.code for answer in answers] == [code, code]
    assert told(answers[0]) == told(answers[1])
    assert answers[0].status == 403


async def test_a_scope_narrows_to_its_types(deployment: Deployment) -> None:
    """With a scope for one type, the rest of the record is as if it were not there."""
    subject = await deployment.subject()
    headers = {"Authorization": deployment.bearer(scope="user/Condition.rs user/Patient.r")}
    answer = await deployment.client.get(f"{BASE}/Patient/{subject}/$everything", headers=headers)
    assert {one["resourceType"] for one in checked(answer).matches} == {"Condition", "Patient"}


@pytest.mark.parametrize("role", ["R8009", "R8008", "R9999"])
async def test_a_role_without_the_activity_sees_nothing(deployment: Deployment, role: str) -> None:
    """A receptionist, and a role that the policy does not know."""
    said = await deployment.get("Patient", role=role, **token_of(ADA))
    assert said.status == 403


BAD = [
    ("Patient", 400),
    ("Patient?identifier=", 400),
    ("Patient?identifier=1234567890", 400),
    ("Patient?identifier=http://example.org|12", 400),
    ("Patient?identifier=a&identifier=b", 400),
    ("Patient?family=Sample", 400),
    ("Patient?_id=a&_count=many", 400),
    ("Observation", 400),
    ("Observation?patient=a&patient=b", 400),
    ("Observation?patient=a&code:below=1", 400),
    ("Observation?patient=a&_include=Observation:colour", 400),
    ("Observation?patient=a&code=%FF", 400),
    ("Observation?patient=a&&code=1", 400),
    ("Observation?patient", 400),
    ("Observation?patient=a&_format=turtle", 406),
    (f"Observation?patient=a&code={'1' * 9000}", 413),
    ("Observation/a?code=1", 400),
    ("Patient/a/$everything?_type=Condtion", 400),
    ("Patient/a/$everything?_since=yesterday", 400),
    ("Patient/a/$everything?_count=1&_count=2", 400),
    ("Patient/a/$everything?nonsense=1", 400),
    ("Nonsense?patient=a", 404),
    ("Nonsense/1", 404),
    ("Observation/a%20b", 404),
    (f"Observation/{'a' * 65}", 404),
    ("Observation/a/b/c", 404),
    ("Observation/a/_history", 404),
    ("Patient/", 404),
    ("", 404),
    ("?_page=a&_page=b", 404),
]


async def test_a_bad_request_is_told_what_is_wrong(deployment: Deployment) -> None:
    """Each gives a short OperationOutcome with the right status."""
    for path, status in BAD:
        said = await deployment.get(path)
        assert said.status == status, path
        assert len(said.raw) < 1000


async def test_a_form_that_is_too_long_or_unreadable_is_refused(deployment: Deployment) -> None:
    """The body of a search by POST has the limits of a query."""
    headers = {"Authorization": deployment.bearer(), "Content-Type": "application/x-www-form-urlencoded"}
    for body, status in ((b"a=" + b"1" * 2**20, 413), (b"\xff=1", 400), (b"{}", 400), (b"", 400)):
        answer = await deployment.client.post(f"{BASE}/Patient/_search", headers=headers, content=body)
        assert checked(answer).status == status


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "OPTIONS", "TRACE"])
async def test_what_is_not_served_is_not_allowed(deployment: Deployment, method: str) -> None:
    """What is written through this endpoint is little: 405, in FHIR, and with the methods that there are."""
    headers = {"Authorization": deployment.bearer()}
    for path in (f"{BASE}/Condition/a", f"{BASE}/metadata", f"{BASE}/Condition/a/_history"):
        said = checked(await deployment.client.request(method, path, headers=headers))
        assert said.status == 405
        assert "GET" in said.headers["allow"]


async def test_an_address_outside_is_not_there(deployment: Deployment) -> None:
    """No documentation pages, no redirects with the query in them, nothing beside the routes."""
    for path in (
        "/docs",
        "/openapi.json",
        "/fhir/",
        f"/fhir/Patient/?identifier={ADA.value}",
        "/intake",
    ):
        said = checked(await deployment.client.get(SERVER + path))
        assert said.status in {401, 404, 405}
        assert "location" not in said.headers


async def test_it_tells_that_it_is_alive(deployment: Deployment) -> None:
    """For whoever watches the process."""
    answer = await deployment.client.get(f"{SERVER}/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
