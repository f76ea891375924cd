"""Breaking the glass and claiming a relationship over HTTP: what opens, to whom, until when."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, select, text, update
from tests.functional.deployment import (
    ADA,
    BASE,
    BERT,
    CLEO,
    NOBODY,
    RESTRICTED,
    Deployment,
    Said,
    beside,
    checked,
    condition,
    running,
    url_of,
)
from tests.support import consents

from scr.api.services import now_ms, open_services
from scr.fhir.claim_request import ACT_REASON
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.identity.oversight import Oversight, Watcher
from scr.store.claims import Claim, Verdict
from scr.store.tables import CLAIM, RELATIONSHIP

REASON = "Found unconscious, no notes with him"
GLASS, CLAIMING = "Patient/$break-glass", "Patient/$claim-relationship"
OFFICER = Watcher("Tamsin Arkwright")
_SYSTEM = {"system": NHS_NUMBER_SYSTEM}


def parameters(number: NHSNumber, **more: object) -> dict[str, Any]:
    """What is sent; ``more`` replaces a part by its name, None leaves it out."""
    parts: dict[str, object] = {
        "identifier": {"valueIdentifier": {"system": NHS_NUMBER_SYSTEM, "value": number.value}},
        "reason": {"valueString": REASON},
        "purpose": {"valueCoding": {"system": ACT_REASON, "code": "BTG"}},
        **more,
    }
    listed = [{"name": name, **value} for name, value in parts.items() if isinstance(value, dict)]
    return {"resourceType": "Parameters", "parameter": listed}


async def ask(
    deployment: Deployment,
    operation: str,
    body: dict[str, Any] | bytes,
    *,
    role: str = "R8000",
    at: str = "RXX",
    **claims: object,
) -> Said:
    """One of the two operations, as somebody."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"Authorization": deployment.bearer(role, at, **claims)}
    return checked(await deployment.client.post(url_of(operation), headers=headers, content=raw))


async def look(
    deployment: Deployment,
    number: NHSNumber = BERT,
    *,
    role: str = "R8000",
    at: str = "RXX",
    **claims: object,
) -> Said:
    """A search for the person by number, as somebody."""
    headers = {"Authorization": deployment.bearer(role, at, **claims)}
    query = {"identifier": f"{NHS_NUMBER_SYSTEM}|{number.value}"}
    return checked(await deployment.client.get(url_of("Patient"), headers=headers, params=query))


def oversight(deployment: Deployment) -> Oversight:
    """What the privacy officer works with."""
    return Oversight(deployment.services.database, deployment.services.keys, now_ms)


async def only(deployment: Deployment) -> Claim:
    """The one claim that there is."""
    [claim] = await oversight(deployment).latest()
    return claim


def granted(said: Said) -> dict[str, Any]:
    """What an answer that grants tells, by name."""
    assert said.status == 200, said.body
    return {part["name"]: part for part in said.body["parameter"]}


async def test_a_broken_glass_opens_one_person_to_one_user_and_is_told_of(fresh: Deployment) -> None:
    """It opens that person to that user, role and place, and to nobody else; each look under it is marked."""
    assert (await look(fresh)).code == "no-relationship"
    told = granted(await ask(fresh, GLASS, parameters(BERT)))
    assert told["purpose"]["valueCoding"]["code"] == "BTG"
    subject = (await look(fresh)).matches[0]["id"]
    assert (await fresh.get(f"Patient/{subject}/$everything", at="RXX")).status == 200
    for role, at, user in (
        ("R8000", "RXX", "another"),
        ("R8001", "RXX", "R8000-RXX"),
        ("R8000", "C99", "R8000-RXX"),
    ):
        said = await look(fresh, role=role, at=at, sub=user)
        assert said.code == "no-relationship", (role, at, user)
    claim = await only(fresh)
    case = await oversight(fresh).show(claim.id, OFFICER)
    assert (case.reason, case.nhs_number, case.is_open) == (REASON, BERT, True)
    assert [row.what for row in case.looks] == ["Patient", "Patient/$everything"]
    marked = [row for row in fresh.audit() if row.purpose == "BTG"]
    assert {row.details["glass"] for row in marked} == {claim.id}
    assert [row.what for row in marked] == ["Patient/$everything", "Patient", GLASS]
    assert all(REASON not in str(row) for row in fresh.audit())


async def test_a_glass_ends_when_it_is_withdrawn_and_when_its_time_is_over(
    fresh: Deployment, database_url: str
) -> None:
    """Withdrawn by another process it opens nothing, a pinned page neither, and is not broken again."""
    granted(await ask(fresh, GLASS, parameters(ADA), at="C99", role="R8000", sub="council"))
    granted(await ask(fresh, GLASS, parameters(BERT)))
    subject = (await look(fresh)).matches[0]["id"]
    first = await fresh.get(f"Patient/{subject}/$everything", at="RXX", _count="1")
    following = first.link("next")
    assert following is not None
    [claim] = [one for one in await oversight(fresh).waiting() if one.organisation.value == "RXX"]
    async with open_services(fresh.services.settings) as elsewhere:
        await Oversight(elsewhere.database, elsewhere.keys, now_ms).withdraw(claim.id, OFFICER)
    assert (await look(fresh)).code == "no-relationship"
    assert (await fresh.get(following, at="RXX")).status == 404
    assert (await fresh.get(f"Patient/{subject}", at="RXX")).status == 404
    assert (await ask(fresh, GLASS, parameters(BERT))).code == "claim-withdrawn"
    granted(await ask(fresh, GLASS, parameters(BERT), sub="another"))
    assert (await look(fresh, sub="another")).status == 200
    over = update(CLAIM).values(until=now_ms() - 1)
    await fresh.services.database.write(lambda conn: conn.execute(over))
    assert (await look(fresh, sub="another")).code == "no-relationship"


async def test_a_claimed_relationship_opens_what_a_relationship_opens_and_no_label(fresh: Deployment) -> None:
    """It is one user's; a broken glass lifts R beside it, and never V."""
    hidden = condition("c9", "86406008", "2019")
    hidden["meta"] = {"security": [RESTRICTED]}
    very = condition("c8", "15628003", "2018")
    very["meta"] = {"security": [{**RESTRICTED, "code": "V"}]}
    fresh.neighbour.resources += [hidden, very]
    await fresh.end_relationship(ADA, "RXX")
    await fresh.services.database.write(_long_ago)
    assert (await look(fresh, ADA)).code == "no-relationship"
    told = granted(await ask(fresh, CLAIMING, parameters(ADA, purpose=None, hours={"valueInteger": 2})))
    assert told["purpose"]["valueCoding"]["code"] == "TREAT"
    subject = (await look(fresh, ADA)).matches[0]["id"]
    codes = await _codes(fresh, subject)
    assert "38341003" in codes
    assert not codes & {"86406008", "15628003"}
    assert (await look(fresh, ADA, sub="another")).code == "no-relationship"
    granted(await ask(fresh, GLASS, parameters(ADA)))
    assert await _codes(fresh, subject) == codes | {"86406008"}
    kinds = {row.purpose for row in fresh.audit() if row.what == "Condition"}
    assert kinds == {"TREAT", "BTG"}


async def test_what_is_refused_is_refused_alike_and_tells_of_nobody(fresh: Deployment) -> None:
    """The role is refused first, whoever is asked about; a person who is not known, last."""
    for operation, role in ((GLASS, "R8014"), (CLAIMING, "R8009"), (GLASS, "R0001")):
        both = [await ask(fresh, operation, parameters(one), role=role, at="C99") for one in (BERT, NOBODY)]
        assert both[0].raw == both[1].raw
        assert both[0].code == "role-activity"
    said = await ask(fresh, GLASS, parameters(NOBODY))
    assert (said.status, said.code) == (403, "not-granted")
    assert (await oversight(fresh).latest()) == []
    assert fresh.audit()[0].code == "not-granted"


async def test_what_would_open_nothing_is_not_granted(fresh: Deployment) -> None:
    """No agreement: told before anybody is looked for. An objection: told as somebody who is not known."""
    both = [await ask(fresh, GLASS, parameters(one), at="ZZX99") for one in (BERT, NOBODY)]
    assert both[0].code == "no-agreement"
    assert both[0].raw == both[1].raw
    subject = await fresh.subject(BERT)
    objection = consents.consent({"type": "deny"}, subject)
    token = fresh.bearer("R0001", "A81001", scope="user/*.cruds")
    kept = await fresh.client.post(url_of("Consent"), headers={"Authorization": token}, json=objection)
    assert kept.status_code == 201
    for operation, body in ((GLASS, parameters), (CLAIMING, _plain)):
        same = [await ask(fresh, operation, body(one)) for one in (BERT, NOBODY)]
        assert same[0].code == "not-granted"
        assert same[0].raw == same[1].raw
    assert await oversight(fresh).latest() == []


@pytest.mark.parametrize("purpose", ["TREAT", "ETREAT", "BTG"])
async def test_what_is_said_of_treatment_is_said_of_a_broken_glass(fresh: Deployment, purpose: str) -> None:
    """Who objects to a look for treatment, in an emergency or under a broken glass objects to the last."""
    subject = await fresh.subject(BERT)
    said = {"type": "deny", "purpose": [{"system": ACT_REASON, "code": purpose}]}
    headers = {"Authorization": fresh.bearer("R0001", "A81001", scope="user/*.cruds")}
    kept = await fresh.client.post(url_of("Consent"), headers=headers, json=consents.consent(said, subject))
    assert kept.status_code == 201, kept.text
    seen = (await fresh.get(f"Patient/{subject}")).status
    assert seen == (404 if purpose == "TREAT" else 200)  # an ordinary look is no emergency
    assert (await ask(fresh, GLASS, parameters(BERT))).code == "not-granted"


async def test_nobody_claims_what_is_known_or_tries_numbers(fresh: Deployment) -> None:
    """A relationship that is there is not claimed; after many wrong numbers a right one is refused too."""
    assert (await ask(fresh, CLAIMING, _plain(ADA))).code == "relationship-known"
    for _ in range(20):
        assert (await ask(fresh, GLASS, parameters(NOBODY))).code == "not-granted"
    both = [await ask(fresh, GLASS, parameters(one)) for one in (BERT, NOBODY)]
    assert [said.status for said in both] == [429, 429]
    assert both[0].raw == both[1].raw
    assert 0 < int(both[0].headers["retry-after"]) <= 180
    assert fresh.audit()[0].code == "too-many-claims"
    async with beside(fresh) as other:  # another process has counted them too
        assert (await ask(other, GLASS, parameters(NOBODY))).status == 429
    granted(await ask(fresh, GLASS, parameters(BERT), sub="another"))


async def test_of_many_numbers_at_one_moment_no_more_are_tried(fresh: Deployment) -> None:
    """Thirty wrong ones at once are twenty; a right one is never counted, whatever becomes of it."""
    for _ in range(3):
        assert (await ask(fresh, CLAIMING, _plain(ADA))).code == "relationship-known"
    said = await asyncio.gather(*(ask(fresh, GLASS, parameters(NOBODY)) for _ in range(30)))
    assert [one.status for one in said].count(403) == 20


@pytest.mark.parametrize("table", ["audit", "alert"])
async def test_a_claim_does_not_stand_without_its_audit_row_and_alert(
    database_url: str, tmp_path: Path, table: str
) -> None:
    """Where one of them cannot be written, nothing is granted."""
    async with running(tmp_path / "home", database_url, alert_folder="alerts") as made:
        gone = text(f"ALTER TABLE {table} RENAME TO gone")
        await made.services.database.write(lambda conn: conn.execute(gone))
        assert (await ask(made, GLASS, parameters(BERT))).status in {500, 503}
        assert await oversight(made).latest() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reason": {"valueString": "  now  "}}, "no-reason"),
        ({"reason": {"valueString": "x" * 501}}, "no-reason"),
        ({"reason": None}, "bad-parameters"),
        ({"identifier": {"valueIdentifier": {"value": BERT.value}}}, "bad-identifier"),
        ({"identifier": {"valueIdentifier": {**_SYSTEM, "value": "9995200000"}}}, "bad-identifier"),
        ({"purpose": None}, "bad-purpose"),
        ({"purpose": {"valueCoding": {"system": ACT_REASON, "code": "TREAT"}}}, "bad-purpose"),
        ({"purpose": {"valueCoding": {"code": "BTG"}}}, "bad-purpose"),
        ({"hours": {"valueInteger": 13}}, "bad-hours"),
        ({"hours": {"valueInteger": 0}}, "bad-hours"),
        ({"hours": {"valueString": "4"}}, "bad-hours"),
        ({"patient": {"valueString": "x"}}, "bad-parameters"),
        ({"reason": {"valueString": REASON, "valueInteger": 1, "_valueString": {}}}, "bad-parameters"),
    ],
)
async def test_what_is_amiss_is_named_and_grants_nothing(
    deployment: Deployment, changes: dict[str, object], code: str
) -> None:
    """Each part is held to its type and its limits, and nothing is guessed."""
    said = await ask(deployment, GLASS, parameters(BERT, **changes), sub="clumsy")
    assert said.status in (400, 422)
    assert said.code == code
    assert (await look(deployment, sub="clumsy")).code == "no-relationship"


async def test_a_part_that_stands_twice_or_a_body_that_is_none_is_refused(deployment: Deployment) -> None:
    """Two persons in one request are one too many; what cannot be read is told as that."""
    twice = parameters(BERT)
    twice["parameter"].append(parameters(ADA)["parameter"][0])
    assert (await ask(deployment, GLASS, twice)).code == "bad-parameters"
    none = b'{"resourceType":"Parameters","parameter":{}}'
    for raw in (
        b"",
        b"[]",
        b"{}",
        b"\xff",
        none,
        none.replace(b"{}", b"[]").replace(b"Parameters", b"Patient"),
    ):
        assert (await ask(deployment, GLASS, raw)).code == "bad-parameters"
    assert (await ask(deployment, GLASS, b" " * 70_000)).status == 413


async def test_one_user_has_few_open_at_once(fresh: Deployment) -> None:
    """A second one for the same person is refused, and so is one more than the policy has."""
    granted(await ask(fresh, GLASS, parameters(BERT)))
    assert (await ask(fresh, GLASS, parameters(BERT))).code == "claim-open"
    claim = await only(fresh)
    most = fresh.services.policy.glass.most_at_once
    row = _row(fresh, claim.id)
    more = [{**row, "id": f"more{n}", "until": now_ms() + 60_000} for n in range(most - 1)]
    await fresh.services.database.write(lambda conn: conn.execute(CLAIM.insert(), more))
    for number in (ADA, NOBODY):
        assert (await ask(fresh, GLASS, parameters(number))).status == 429
    granted(await ask(fresh, GLASS, parameters(ADA), at="C99", role="R8000", sub="somebody-else"))


async def test_two_at_the_same_moment_are_one(fresh: Deployment) -> None:
    """Sent at once, through two processes, one is granted; of two persons no more than may be."""
    async with beside(fresh) as other:
        asked = [ask(one, GLASS, parameters(BERT)) for one in (fresh, other) * 3]
        assert sorted(said.status for said in await asyncio.gather(*asked)) == [200, *[409] * 5]
        row = _row(fresh, (await only(fresh)).id)
        more = fresh.services.policy.glass.most_at_once - 2
        rows = [{**row, "id": f"more{n}", "person": row["person"]} for n in range(more)]
        await fresh.services.database.write(lambda conn: conn.execute(CLAIM.insert(), rows))
        both = (ask(one, GLASS, parameters(who)) for one, who in ((fresh, ADA), (other, CLEO)))
        assert sorted(said.status for said in await asyncio.gather(*both)) == [200, 429]


async def test_a_review_is_by_name_by_somebody_else_and_stays_in_the_audit(fresh: Deployment) -> None:
    """To be followed up it stays on the list, with every note; appropriate, it leaves it."""
    granted(await ask(fresh, GLASS, parameters(BERT)))
    claim, watch = await only(fresh), oversight(fresh)
    await watch.review(claim.id, OFFICER, Verdict.FOLLOW_UP, "Rang the ward: nobody knows of it.")
    assert [one.id for one in await watch.waiting()] == [claim.id]
    await watch.review(
        claim.id, Watcher("Dr Ines Calder"), Verdict.APPROPRIATE, "The consultant confirms it."
    )
    assert await watch.waiting() == []
    case = await watch.show(claim.id, OFFICER)
    assert [(said.by, said.verdict) for said in case.reviews] == [
        ("Tamsin Arkwright", Verdict.FOLLOW_UP),
        ("Dr Ines Calder", Verdict.APPROPRIATE),
    ]
    told = [row for row in fresh.audit() if row.what.startswith("privacy")]
    assert [row.what for row in told] == ["privacy show", "privacy review", "privacy review"]
    assert {row.person for row in told} == {claim.person}
    assert "consultant" not in str(told)


async def test_nobody_but_a_watcher_comes_to_the_list(deployment: Deployment) -> None:
    """The pages are closed to whoever has not the activity."""
    for path in ("", "/all", "/claim/x"):
        said = await deployment.client.get(f"{BASE.removesuffix('/fhir')}/privacy{path}")
        assert said.status_code == 303


def _plain(number: NHSNumber) -> dict[str, Any]:
    return parameters(number, purpose=None)


async def _codes(deployment: Deployment, subject: str) -> set[str]:
    said = await deployment.get("Condition", at="RXX", patient=subject)
    return {coding["code"] for one in said.matches for coding in one["code"]["coding"]}


def _long_ago(conn: Connection) -> None:
    conn.execute(update(RELATIONSHIP).where(RELATIONSHIP.c.organisation == "RXX").values(until=1))


def _row(deployment: Deployment, claim: str) -> dict[str, Any]:
    query = select(CLAIM).where(CLAIM.c.id == claim)
    return deployment.services.database.read_now(lambda conn: dict(conn.execute(query).one()._asdict()))
