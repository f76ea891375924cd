"""``$explain-access`` over HTTP: the rules and the headings, to who may ask, and nothing of a record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from tests.functional.deployment import ADA, BERT, RESTRICTED, SECRETS, Deployment, Said, checked, url_of
from tests.functional.deployment import condition as neighbours
from tests.support import consents

from scr.api.explaining import Explainer, WhatIf
from scr.api.services import now_ms
from scr.consent.actor import Actor, ActorKind
from scr.errors import NotFound
from scr.fhir.identifiers import ODS_SYSTEM, OdsCode
from scr.fhir.standing import Standing
from scr.identity import index

Tree = dict[str, Any]


def question(job: str = "R8000", at: str = "A81001", **more: Tree) -> Tree:
    """What is sent: a job role at an organisation, and more by name."""
    parts: dict[str, Tree] = {
        "role": {"valueCode": job},
        "organisation": {"valueIdentifier": {"system": ODS_SYSTEM, "value": at}},
        **more,
    }
    return {"resourceType": "Parameters", "parameter": [{"name": n, **v} for n, v in parts.items() if v]}


async def ask(
    deployment: Deployment, subject: str, body: Tree | bytes, *, role: str = "R0001", at: str = "C99"
) -> Said:
    """Ask, as a privacy officer."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"Authorization": deployment.bearer(role, at)}
    where = url_of(f"Patient/{subject}/$explain-access")
    return checked(await deployment.client.post(where, headers=headers, content=raw))


def told(said: Said) -> tuple[bool, list[Tree], list[Tree], list[Tree]]:
    """Whether it is permitted; the rules, the changes and the headings."""
    assert said.status == 200, said.body
    named: dict[str, list[Tree]] = {}
    for one in said.body["parameter"]:
        named.setdefault(one["name"], []).append(one)
    every = [[_flat(one["part"]) for one in named.get(name, [])] for name in ("rule", "change", "heading")]
    return bool(named["permit"][0]["valueBoolean"]), every[0], every[1], every[2]


def _flat(parts: list[Tree]) -> Tree:
    return {part["name"]: next(v for n, v in part.items() if n != "name") for part in parts}


async def test_the_rules_in_order_and_the_one_that_fired(deployment: Deployment) -> None:
    """A hospital that knows nothing of Bert: one rule refuses, and two things alone would change that."""
    subject = await deployment.subject(BERT)
    permit, rules, changes, headings = told(await ask(deployment, subject, question(at="RXX")))
    assert not permit
    assert [rule["name"] for rule in rules if rule["answer"] == "denies"] == ["relationship"]
    assert [rule["name"] for rule in rules][:3] == ["admission", "token", "scope"]
    assert {"breaking the glass"} < {change["what"] for change in changes}
    assert not any(part["permit"] for part in headings)
    row, under = deployment.audit()[:2]
    assert (row.what, row.action, row.outcome) == ("privacy", "explain-access", "success")
    assert (under.what, under.person is not None) == ("explain access", True)


async def test_by_heading_and_source_and_nothing_of_what_is_there(deployment: Deployment) -> None:
    """What is open to a role is told, the same whatever the record has under it; a choice is told as one."""
    subject = await deployment.subject(ADA)
    before = await ask(deployment, subject, question("R1330", at="C99"))
    permit, _, _, headings = told(before)
    assert permit
    closed = {part["heading"]["code"]: part["reason"]["code"] for part in headings if not part["permit"]}
    assert "heading" in closed.values()
    marked = {**neighbours("c7", "86406008", "2019"), "meta": {"security": [RESTRICTED]}}
    deployment.neighbour.resources.append(marked)
    after = await ask(deployment, subject, question("R1330", at="C99"))
    assert before.body == after.body
    assert not [number for number in SECRETS if number in str(after.body)]


async def test_a_choice_is_told_to_the_officer_as_a_reason(fresh: Deployment) -> None:
    """An objection to one source closes its headings, and says by which kind of rule."""
    subject = await fresh.subject(ADA)
    officer = {"Authorization": fresh.bearer("R0001", "A81001", scope="user/*.cruds")}
    said = {"type": "deny", "class": [consents.heading("problems")]}
    made = await fresh.client.post(url_of("Consent"), headers=officer, json=consents.consent(said, subject))
    assert made.status_code == 201, made.text
    _, _, _, headings = told(await ask(fresh, subject, question()))
    found = {part["heading"]["code"]: part for part in headings}
    assert found["problems"]["reason"]["code"] == "consent"
    assert found["allergies"]["permit"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"role": {"valueCode": "R9999"}}, 400, "unknown-role"),
        ({"role": {}}, 422, "bad-parameters"),
        ({"organisation": {"valueIdentifier": {"value": "no code"}}}, 422, "bad-organisation"),
        ({"interaction": {"valueCode": "delete"}}, 422, "bad-interaction"),
        ({"nhs": {"valueString": "x"}}, 422, "bad-parameters"),
    ],
)
async def test_what_is_amiss_is_named(deployment: Deployment, changes: Tree, status: int, code: str) -> None:
    """A slip is told, and repeated by nothing."""
    subject = await deployment.subject(BERT)
    said = await ask(deployment, subject, question(**changes))
    assert (said.status, said.code) == (status, code)


async def test_nobody_else_asks_and_nobody_is_found(deployment: Deployment) -> None:
    """A clinician, no token, and an id of nobody; and a body that is none."""
    subject = await deployment.subject(BERT)
    assert (await ask(deployment, subject, question(), role="R8000", at="A81001")).code == "role-activity"
    assert (await ask(deployment, "nobody", question())).code == "no-such-person"
    assert (await ask(deployment, subject, b"[]")).code == "bad-parameters"
    where = url_of(f"Patient/{subject}/$explain-access")
    assert (await deployment.client.post(where, json=question())).status_code == 401


async def test_of_whom_the_whereabouts_are_restricted_nothing_is_told(fresh: Deployment) -> None:
    """Who has to do with them would say where they are: to an officer without B1611 they are nobody."""
    subject = await fresh.subject(ADA)
    services, who = fresh.services, WhatIf("R8000", OdsCode("A81001"))
    officer = Actor(ActorKind.PROFESSIONAL, "i|officer", role="R0001", organisation=OdsCode("C99"))
    policy = services.policy
    explainer = Explainer(services.broker, policy, services.database, now_ms)
    assert (await explainer.by_id(officer, subject, who)).parts

    def restrict(conn: Any) -> None:
        person = index.find(conn, services.keys, ADA)
        assert person is not None
        index.learn_standing(conn, services.keys, person, Standing(restricted=True, checked=1))

    await services.database.write(restrict)
    with pytest.raises(NotFound):
        await explainer.by_id(officer, subject, who)
    told = fresh.audit()[0]
    assert (told.outcome, told.person) == ("refused", None)
    role = replace(policy.roles["R0001"], activities=policy.roles["R0001"].activities | {"B1611"})
    cleared = replace(policy, roles={**policy.roles, "R0001": role})
    seen = Explainer(services.broker, cleared, services.database, now_ms)
    assert (await seen.by_id(officer, subject, who)).parts
