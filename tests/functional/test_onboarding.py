"""Providers and their gates over a whole deployment: who is shown what, and who may change it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.functional.deployment import (
    ADA,
    CLEO,
    NOBODY,
    SERVER,
    Deployment,
    message,
    pid,
    visit,
)

from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber
from scr.store.messages import MessageState
from scr.store.onboarding import Stage

LEAD = "R5007"
PROVIDERS = f"{SERVER}/onboarding/providers"
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what does not depend on the engine."""
HOSPITAL, COUNCIL, NEIGHBOUR, PRACTICE = "RXX", "C99", "QXX", "A81001"


async def call(
    deployment: Deployment, method: str, path: str = "", *, role: str = LEAD, **body: Any
) -> httpx.Response:
    """A call of the API as somebody in a role."""
    headers = {"Authorization": deployment.bearer(role, "QYY")}
    return await deployment.client.request(method, PROVIDERS + path, headers=headers, json=body or None)


async def undo(deployment: Deployment, ods: str, gate: Stage = Stage.LIVE) -> None:
    """Take a provider's gate back."""
    answer = await call(deployment, "POST", f"/{ods}/undo", reason="a fault was found", gate=gate)
    assert answer.status_code == 200, answer.text


def by_number(number: NHSNumber) -> str:
    """The query for a person."""
    return f"{NHS_NUMBER_SYSTEM}|{number.value}"


async def test_a_provider_that_is_not_live_is_not_there(fresh: Deployment) -> None:
    """No entry, no line of the ledger, no id that can be read: as if it had never been connected."""
    subject = await fresh.subject()
    whole = await fresh.get(f"Patient/{subject}/$everything", _reconciled="false")
    for ods in (HOSPITAL, COUNCIL, NEIGHBOUR):
        theirs = [one for one in whole.matches if f":{ods}#" in one["meta"].get("source", "")]
        assert theirs
        assert ods in whole.ledger
        await undo(fresh, ods)
        less = await fresh.get(f"Patient/{subject}/$everything", _reconciled="false")
        assert ods not in less.raw.decode()
        kept = {one["id"] for one in whole.matches} - {one["id"] for one in theirs}
        assert {one["id"] for one in less.matches} == kept
        assert set(less.ledger) == set(whole.ledger) - {ods}
        for one in theirs:
            gone = await fresh.get(f"{one['resourceType']}/{one['id']}")
            unknown = await fresh.get(f"{one['resourceType']}/{'a' * 26}")
            assert (gone.status, gone.raw) == (404, unknown.raw)
        again = await call(fresh, "POST", f"/{ods}/promote", gate=Stage.LIVE, reference="mended")
        assert again.status_code == 200


async def test_testers_see_what_others_do_not(fresh: Deployment) -> None:
    """By their subject or their user id, and only while it is live for testers."""
    tester = f"{fresh.issuer.url}|R8000-A81001"
    subject = await fresh.subject()
    await undo(fresh, COUNCIL, Stage.LIVE_FOR_TESTERS)
    assert COUNCIL not in (await fresh.get(f"Patient/{subject}/$everything")).ledger
    told: dict[str, Any] = {"gate": "live-for-testers", "reference": "test plan 3", "testers": [tester]}
    assert (await call(fresh, "POST", f"/{COUNCIL}/promote", **told)).status_code == 200
    assert COUNCIL in (await fresh.get(f"Patient/{subject}/$everything")).ledger
    assert COUNCIL not in (await fresh.get(f"Patient/{subject}/$everything", role="R8001")).ledger
    await undo(fresh, COUNCIL, Stage.LIVE_FOR_TESTERS)
    assert COUNCIL not in (await fresh.get(f"Patient/{subject}/$everything")).ledger


async def test_what_a_provider_tells_of_relationships_counts_when_it_is_live(fresh: Deployment) -> None:
    """Nobody is let in on the word of a provider that is not live: refused as for a person unknown."""
    assert (await fresh.get("Patient", identifier=by_number(CLEO), at=HOSPITAL)).status == 200
    await undo(fresh, HOSPITAL)
    answers = [
        await fresh.get("Patient", identifier=by_number(number), at=HOSPITAL) for number in (CLEO, NOBODY)
    ]
    assert answers[0].raw == answers[1].raw
    assert [one.status for one in answers] == [403, 403]


@ON_SQLITE
async def test_a_practice_that_is_not_live_is_told_as_missing(fresh: Deployment) -> None:
    """That there is a GP record to be missed is told where another source knows of the registration."""
    await undo(fresh, PRACTICE)
    assert (await fresh.get("Patient", identifier=by_number(ADA))).status == 403
    seen = await fresh.get("Patient", identifier=by_number(ADA), at=HOSPITAL)
    assert (seen.status, PRACTICE in seen.ledger) == (200, False)


@ON_SQLITE
async def test_pages_that_tell_of_a_provider_end_with_it(fresh: Deployment) -> None:
    """A page that was pinned before the gate was undone is not served after."""
    subject = await fresh.subject()
    first = await fresh.get("Observation", patient=subject, _count="1")
    following = first.link("next")
    assert following is not None
    assert (await fresh.get(following)).status == 200
    await undo(fresh, HOSPITAL)
    assert (await fresh.get(following)).code == "no-page"


@ON_SQLITE
async def test_messages_are_taken_in_before_a_provider_is_live(fresh: Deployment) -> None:
    """So that the connection can be tried: filed, not shown, and there once it is live."""
    await undo(fresh, HOSPITAL, Stage.CONNECTED)
    later = message("A04", "M9", pid(ADA, "O'Sample", "Ada^Mary", "19410705"), visit("V200"))
    assert (await fresh.receive(HOSPITAL, later)).state is MessageState.FILED
    subject = await fresh.subject()
    assert (await fresh.get("Encounter", patient=subject)).matches == []
    for gate in (Stage.CONNECTED, Stage.CLINICAL_SAFETY_APPROVED, Stage.LIVE_FOR_TESTERS, Stage.LIVE):
        testers = ["issuer|t"] if gate is Stage.LIVE_FOR_TESTERS else []
        told: dict[str, Any] = {"gate": gate, "reference": "CSO-17", "testers": testers}
        answer = await call(fresh, "POST", f"/{HOSPITAL}/promote", **told)
        assert answer.status_code == 200, answer.text
    assert len((await fresh.get("Encounter", patient=subject)).matches) == 2


@ON_SQLITE
async def test_gates_that_check_themselves(fresh: Deployment) -> None:
    """From the first gate on: what is looked at is kept as the report, and what fails is told."""
    for ods in (NEIGHBOUR, PRACTICE):
        await undo(fresh, ods, Stage.CONFIGURED)
        for gate in (Stage.CONFIGURED, Stage.SAMPLES_PASSED, Stage.CONNECTED):
            answer = await call(fresh, "POST", f"/{ods}/promote", gate=gate)
            assert answer.status_code == 200, answer.text
            found = answer.json()["evidence"][gate]
            assert found["by"] == "Ann Lee"
            assert found["reference"] == "checked by scr"
            assert len(found["digest"]) == 64
            assert found["report"]
    await undo(fresh, NEIGHBOUR, Stage.CONNECTED)
    fresh.neighbour.status = 503
    refused = await call(fresh, "POST", f"/{NEIGHBOUR}/promote", gate=Stage.CONNECTED)
    assert (refused.status_code, refused.json()["code"]) == (422, "gate-not-passed")
    (fresh.services.settings.home / "adapters/providers/C99.yaml").write_text("feeds: []\n")
    await undo(fresh, COUNCIL, Stage.CONFIGURED)
    refused = await call(fresh, "POST", f"/{COUNCIL}/promote", gate=Stage.CONFIGURED)
    assert (refused.status_code, "C99.yaml, line 1" in refused.json()["detail"]) == (422, True)


@ON_SQLITE
async def test_the_programme_is_closed_to_everybody_else(fresh: Deployment) -> None:
    """Every call, every other role, no token: refused, nothing done, and each in the audit."""
    before = (await call(fresh, "GET", f"/{COUNCIL}")).json()
    calls = [
        ("GET", ""),
        ("GET", f"/{COUNCIL}"),
        ("POST", f"/{COUNCIL}/promote"),
        ("POST", f"/{COUNCIL}/undo"),
    ]
    for method, path in calls:
        for role in ("R8000", "R8009", "R9999"):
            answer = await call(fresh, method, path, role=role, reason="x", gate="live")
            assert (answer.status_code, answer.json()["code"]) == (403, "role-activity")
            row = fresh.audit()[0]
            assert (row.what, row.outcome, row.code, row.role) == (
                "onboarding",
                "refused",
                "role-activity",
                role,
            )
        bare = await fresh.client.request(method, PROVIDERS + path)
        assert (bare.status_code, bare.headers["www-authenticate"]) == (401, 'Bearer realm="scr"')
        assert fresh.audit()[0].code == "no-token"
        system = fresh.bearer(LEAD, "QYY", nhsid_useruid=None, selected_roleid=None)
        machine = await fresh.client.request(method, PROVIDERS + path, headers={"Authorization": system})
        assert machine.status_code == 403
    assert (await call(fresh, "GET", f"/{COUNCIL}")).json() == before
    assert (await fresh.get("Patient", role=LEAD, identifier=by_number(ADA))).status == 403


@ON_SQLITE
async def test_what_is_done_is_in_the_history_and_in_the_audit(fresh: Deployment) -> None:
    """Who, when and why; an undone gate's evidence stays."""
    await undo(fresh, COUNCIL, Stage.LIVE_FOR_TESTERS)
    row = fresh.audit()[0]
    assert (row.action, row.outcome, row.role, dict(row.details)) == (
        "undo", "success", LEAD, {"provider": COUNCIL},
    )  # fmt: skip
    shown = (await call(fresh, "GET", f"/{COUNCIL}")).json()
    last = shown["history"][-1]
    assert (last["did"], last["gate"], last["stage"]) == (
        "undone", "live-for-testers", "clinical-safety-approved",
    )  # fmt: skip
    assert (last["note"], last["by"]) == ("a fault was found", "Ann Lee")
    assert last["recordedBy"] == f"{fresh.issuer.url}|{LEAD}-QYY"
    assert [one["gate"] for one in shown["history"] if one["did"] == "passed"][-1] == "live"
    listed = {one["ods"]: one for one in (await call(fresh, "GET")).json()["providers"]}
    assert listed[COUNCIL]["gatesPassed"] == 4
    assert listed[COUNCIL]["nextGate"]["gate"] == "live-for-testers"
    assert listed[HOSPITAL]["stage"] == "live"


WRONG = [
    ("/C99/promote", b'{"gate": "live"}', 409, "no-gate"),
    ("/C99/promote", b'{"gate": "alive"}', 400, "bad-body"),
    ("/C99/promote", b'{"gate": "live", "by": 7}', 400, "bad-body"),
    ("/C99/promote", b'{"gate": "live", "force": true}', 400, "bad-body"),
    ("/C99/promote", b"\xff", 400, "bad-body"),
    ("/C99/promote", b" " * 70_000, 413, "too-large"),
    ("/C99/undo", b'{"reason": " "}', 400, "no-reason"),
    ("/C99/undo", b'{"reason": "x", "gate": "registered"}', 409, "not-passed"),
    ("/ZZ999/undo", b'{"reason": "x"}', 404, "no-provider"),
    ("/c%2E9/undo", b'{"reason": "x"}', 404, "no-provider"),
]


@ON_SQLITE
async def test_what_makes_no_sense_is_refused(fresh: Deployment) -> None:
    """With a stable code and a sentence, as application/problem+json; nothing is written."""
    headers = {"Authorization": fresh.bearer(LEAD, "QYY")}
    before = (await call(fresh, "GET")).json()
    for path, body, status, code in WRONG:
        answer = await fresh.client.post(PROVIDERS + path, headers=headers, content=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await call(fresh, "GET")).json() == before
