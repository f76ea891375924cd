"""Apps at the endpoint: opened by the hospital's system for one patient, let by a clinician, held to it."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.functional.deployment import ADA, BASE, BERT, NOBODY, SERVER, Deployment, beside, checked, running
from tests.unit.api.oauth.apps import HOME, VERIFIER, answered, hidden, request_of, staff
from tests.unit.api.oauth.systems import EC, assertion, key_set

from scr.api.auth.token import NrbacRole
from scr.api.oauth.app_terms import AppTerms
from scr.api.oauth.assertion import ASSERTION_TYPE
from scr.api.oauth.registration import client_to_register
from scr.api.services import now_ms
from scr.api.signin.kept import Keep, Visit
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM, NHSNumber, OdsCode
from scr.settings import Upstream
from scr.store import clients
from scr.store.clients import ClientKind

SCOPE = "launch patient/*.rs patient/Consent.crus online_access openid fhirUser"
GP = NrbacRole("1", "A81001", "S8000:G8000:R8000", "Clinical Practitioner Access Role")


@pytest.fixture
async def fresh(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Deployment]:
    """A deployment at which staff sign in, with the practice's system `gp-system` and its app `chart`."""
    monkeypatch.setenv("UPSTREAM_SECRET", "of these tests alone")
    upstream = Upstream(
        name="cis2", title="NHS CIS2", url="https://cis2.example", people="staff", client_id="record",
        authentication="client_secret_basic", secret="env:UPSTREAM_SECRET", scopes=("openid",),
    )  # fmt: skip
    async with running(tmp_path, database_url, upstreams=(upstream,)) as deployment:
        system = client_to_register(
            "gp-system", ClientKind.SYSTEM, "The practice's system", OdsCode("A81001"),
            ["launch", "system/*.rs"], key_set=key_set(EC), now=1,
        )  # fmt: skip
        app = client_to_register(
            "chart", ClientKind.APP, "Growth chart", OdsCode("ZZS01"), SCOPE.split(),
            app=AppTerms((HOME,), "staff", public=True), now=1,
        )  # fmt: skip
        database = deployment.services.database
        await database.write(lambda conn: clients.register(conn, system))
        await database.write(lambda conn: clients.register(conn, app))
        yield deployment


async def sign_in(deployment: Deployment) -> None:
    """A clinician of the practice comes in through the upstream."""
    keep = Keep(deployment.services.database, deployment.services.keys, now_ms)
    visit = Visit(staff(role=GP), "", secrets.token_urlsafe(16))
    deployment.client.cookies.set("__Host-scr_visit", await keep.put(visit), domain="record.test")


async def launched(deployment: Deployment, patient: str) -> str:
    """The practice's system opens the app for a patient."""
    told = (await deployment.client.get(f"{BASE}/.well-known/smart-configuration")).json()
    assert "launch-ehr" in told["capabilities"]
    form = {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion("gp-system", EC, aud=f"{told['issuer']}/launch"),
        "app": "chart",
        "patient": patient,
    }
    return str((await deployment.client.post(f"{told['issuer']}/launch", data=form)).json()["launch"])


async def tokens(deployment: Deployment, patient: str) -> dict[str, str]:
    """What the app is given in the end."""
    handle = await launched(deployment, patient)
    asked = request_of("chart", SCOPE, aud=BASE, launch=handle)
    shown = await deployment.client.get(f"{BASE}/auth/authorize", params=asked)
    form = {**hidden(shown), "answer": "approve"}
    back = answered(await deployment.client.post(f"{BASE}/auth/authorize/answer", data=form))
    redeem = {
        "grant_type": "authorization_code", "client_id": "chart", "code": back["code"],
        "redirect_uri": HOME, "code_verifier": VERIFIER,
    }  # fmt: skip
    answer = await deployment.client.post(f"{BASE}/auth/token", data=redeem)
    assert answer.status_code == 200, answer.text
    told: dict[str, str] = answer.json()
    return told


async def test_an_app_sees_the_patient_that_it_was_opened_for_and_nobody_else(fresh: Deployment) -> None:
    """Another patient of the same practice reads as one of whom nobody has heard, to the byte."""
    ada, bert = await fresh.subject(ADA), await fresh.subject(BERT)
    await sign_in(fresh)
    told = await tokens(fresh, ada)
    assert told["patient"] == ada
    headers = {"Authorization": f"Bearer {told['access_token']}"}

    async def get(path: str) -> httpx.Response:
        return await fresh.client.get(f"{BASE}/{path}", headers=headers)

    assert checked(await get(f"Patient/{ada}")).status == 200
    row = fresh.audit()[0]
    assert (row.actor, row.role) == ("https://cis2.example|555", "R8000")
    assert {one["resourceType"] for one in checked(await get(f"Patient/{ada}/$everything")).matches} > {
        "Patient", "Observation",
    }  # fmt: skip
    for path in ("Patient/{}", "Patient/{}/$everything", "Observation?patient={}", "Consent?patient={}"):
        there, none = await get(path.format(bert)), await get(path.format("x" * 26))
        assert (there.status_code, there.content) == (none.status_code, none.content)
        assert there.status_code in (403, 404), path

    async def by_number(number: NHSNumber) -> tuple[int, bytes]:
        said = await get(f"Patient?identifier={NHS_NUMBER_SYSTEM}|{number.value}")
        return said.status_code, said.content

    assert (await by_number(ADA))[0] == 200
    assert await by_number(BERT) == await by_number(NOBODY)
    assert fresh.audit()[0].details.get("decided", "") == ""


async def test_an_app_does_no_duty_and_breaks_no_glass(fresh: Deployment) -> None:
    """What the person might do themselves, beyond records, is not done through an app."""
    await sign_in(fresh)
    told = await tokens(fresh, await fresh.subject())
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    answer = await fresh.client.get(f"{SERVER}/onboarding/providers", headers=headers)
    assert answer.status_code == 403
    assert fresh.audit()[0].code == "through-app"


async def test_who_the_user_is_can_be_read_by_them_alone(fresh: Deployment) -> None:
    """``fhirUser`` leads to a Practitioner: the one who asks, and nobody else's."""
    await sign_in(fresh)
    told = await tokens(fresh, await fresh.subject())
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    part = told["id_token"].split(".")[1]
    user = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["fhirUser"]
    said = checked(await fresh.client.get(user, headers=headers))
    assert (said.status, said.body["resourceType"]) == (200, "Practitioner")
    assert said.body["name"] == [{"text": "Nora Nurse"}]
    other = checked(await fresh.client.get(user[:-1] + "_", headers=headers))
    assert other.status == 404
    assert checked(await fresh.client.get(user)).status == 401


async def test_signing_out_ends_the_app(fresh: Deployment) -> None:
    """At once: its token is refused, its refresh token renews nothing, what it has asked for is not made."""
    await sign_in(fresh)
    ada = await fresh.subject()
    told = await tokens(fresh, ada)
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    await fresh.app.state.jobs.carrier.close()
    later = {**headers, "Prefer": "respond-async"}
    assert (await fresh.client.get(f"{BASE}/Patient/{ada}/$everything", headers=later)).status_code == 202
    keep = Keep(fresh.services.database, fresh.services.keys, now_ms)
    visit = await keep.find(Visit, fresh.client.cookies.get("__Host-scr_visit"))
    assert visit is not None
    out = await fresh.client.post(f"{SERVER}/signin/session/end", data={"csrf": visit.csrf})
    assert out.status_code < 400
    assert checked(await fresh.client.get(f"{BASE}/Patient/{ada}", headers=headers)).code == "revoked"
    form = {"grant_type": "refresh_token", "client_id": "chart", "refresh_token": told["refresh_token"]}
    again = await fresh.client.post(f"{BASE}/auth/token", data=form)
    assert again.json()["error"] == "invalid_grant"
    async with beside(fresh) as other:
        assert await other.app.state.jobs.carrier.take_up()
        await other.app.state.jobs.carrier.settled()
    row = fresh.audit()[0]
    assert (row.action, row.outcome, row.code) == ("make", "refused", "revoked")
