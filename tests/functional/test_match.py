"""``Patient/$match``: people by demographics, for those who have to do with them."""

from __future__ import annotations

import orjson
import pytest
from tests.functional.deployment import ADA, BASE, NOBODY, Deployment, Said, Tree, checked

from scr.api.catching_up import trace_some
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.identity import index

pytestmark = pytest.mark.asyncio(loop_scope="module")


def patient(
    family: str = "O'Sample", given: str = "Ada", born: str = "1941-07-05", number: NHSNumber | None = None,
    **more: object,
) -> Tree:  # fmt: skip
    """Whom somebody asks for."""
    told: Tree = {
        "resourceType": "Patient",
        "name": [{"family": family, "given": [given]}],
        "birthDate": born,
    }
    if number is not None:
        told["identifier"] = [{"system": NHS_NUMBER_SYSTEM, "value": number.value}]
    return {**told, **more}


async def match(
    deployment: Deployment, told: Tree, *, at: str = "A81001", sub: str = "", certain: bool = False
) -> Said:
    """Ask, as somebody at an organisation."""
    parts = [
        {"name": "resource", "resource": told},
        {"name": "onlyCertainMatches", "valueBoolean": certain},
    ]
    body = orjson.dumps({"resourceType": "Parameters", "parameter": parts})
    claims = {"sub": sub} if sub else {}
    headers = {"Authorization": deployment.bearer(at=at, **claims), "Content-Type": "application/fhir+json"}
    return checked(await deployment.client.post(f"{BASE}/Patient/$match", headers=headers, content=body))


def graded(said: Said) -> list[tuple[str, str]]:
    """Who was found, and how surely."""
    entries = said.body.get("entry", [])
    return [(e["resource"]["id"], e["search"]["extension"][0]["valueCode"]) for e in entries]


async def test_a_person_is_found_by_demographics(deployment: Deployment) -> None:
    """By names and birth date as far as they agree: certain with the number, possible in doubt."""
    subject = await deployment.subject()
    exact: Tree = {"gender": "female", "address": [{"postalCode": "ZZ99 1AA"}]}
    asked = [
        (patient(), "probable"),
        (patient(**exact), "certain"),
        (patient(number=ADA), "certain"),
        (patient(given="A"), "probable"),
        (patient(family="Other"), "probable"),
        (patient(given="Rose"), "possible"),
    ]
    for told, grade in asked:
        said = await match(deployment, told)
        assert (said.status, graded(said)) == (200, [(subject, grade)]), told
        score = said.body["entry"][0]["search"]["score"]
        assert (score == 1) == (grade == "certain")
        assert 0 < score <= 1
    assert graded(await match(deployment, patient(), certain=True)) == []
    assert graded(await match(deployment, patient(number=ADA), certain=True)) == [(subject, "certain")]
    assert graded(await match(deployment, patient(born="1951-02-03"))) == []


async def test_whoever_may_not_be_seen_is_not_there(deployment: Deployment) -> None:
    """For somebody whose organisation has nothing to do with the person: as one whom nobody knows. The
    audit names the person of each that was looked at, seen or not."""
    unseen = await match(deployment, patient(number=ADA), at="RZZ")
    unknown = await match(deployment, patient("Nobody", "Nina", number=NOBODY), at="RZZ")
    assert (unseen.status, unseen.body["total"]) == (unknown.status, unknown.body["total"]) == (200, 0)
    keys = deployment.services.keys
    ada = deployment.services.database.read_now(lambda conn: index.find(conn, keys, ADA))
    assert ada is not None
    seen = await match(deployment, patient(number=ADA))
    rows = [one for one in deployment.audit() if one.what == "Patient/$match"]
    told = {one.correlation: (one.outcome, one.code) for one in rows if one.person == ada.key}
    assert told[seen.headers["x-correlation-id"]] == ("success", "permitted")
    assert told[unseen.headers["x-correlation-id"]][0] == "refused"
    assert len([one for one in rows if one.correlation == unseen.headers["x-correlation-id"]]) == 2


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({"resourceType": "Patient", "name": [{"family": "O'Sample"}]}, 422, "too-little-told"),
        (patient(born="1941"), 422, "too-little-told"),
        (patient(given=" "), 422, "too-little-told"),
        ({"resourceType": "Patient", "birthDate": "1941-07-05"}, 422, "too-little-told"),
        (patient(gender="f"), 422, "bad-patient"),
        ({"resourceType": "Condition"}, 400, "parameter-needed"),
        (patient(identifier=[{"system": NHS_NUMBER_SYSTEM, "value": "9995100003"}]), 422, "bad-nhs-number"),
    ],
)  # fmt: skip
async def test_nobody_is_fished_for(deployment: Deployment, told: Tree, status: int, code: str) -> None:
    """A name alone, part of a birth date, what is no Patient: refused before anybody is looked for."""
    said = await match(deployment, told)
    assert (said.status, said.code) == (status, code)


async def test_nobody_tries_one_after_the_other(fresh: Deployment) -> None:
    """Thirty at once, found or not; then wait."""
    said = [await match(fresh, patient(given=f"Name{n}"), sub="tries") for n in range(31)]
    assert {one.status for one in said[:30]} == {200}
    assert (said[30].status, said[30].code) == (429, "traces")
    assert int(said[30].headers["retry-after"]) > 0
    assert (await match(fresh, patient(), sub="another")).status == 200


async def test_those_who_were_held_before_are_found_too(fresh: Deployment) -> None:
    """Put into the index by the running program, some at a time, until there are no more."""
    services = fresh.services
    await services.database.write(lambda conn: conn.exec_driver_sql("DELETE FROM person_trace"))
    assert graded(await match(fresh, patient())) == []
    last = await trace_some(services, "")
    assert last is not None
    assert await trace_some(services, last) is None
    assert graded(await match(fresh, patient())) == [(await fresh.subject(), "probable")]
