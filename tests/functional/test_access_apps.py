"""An app that a citizen lets act for them: their record, narrowed by its scopes, and nothing else."""

from __future__ import annotations

import pytest
from tests.functional.deployment import ADA, BASE, BERT, SERVER, checked
from tests.functional.online import Browser, Online, citizen
from tests.unit.api.oauth.apps import HOME, VERIFIER, answered, hidden, request_of

from scr.api.oauth.app_terms import AppTerms
from scr.api.oauth.registration import client_to_register
from scr.fhir.identifiers import OdsCode
from scr.store import clients
from scr.store.clients import ClientKind

pytestmark = pytest.mark.asyncio(loop_scope="session")
ADAS = citizen(ADA, "ada", "Ada O'Sample")
SCOPE = "launch/patient patient/Patient.rs patient/AllergyIntolerance.rs"
ME = "/access/people/me"


async def token(browser: Browser) -> str:
    """What the app is given, once the citizen has let it."""
    client, cookies = browser.deployment.client, browser.headers
    asked = request_of("mine", SCOPE, aud=BASE)
    shown = await client.get(f"{BASE}/auth/authorize", params=asked, headers=cookies)
    for cookie in client.cookies.jar:
        cookies["cookie"] += f"; {cookie.name}={cookie.value}"
    form = {**hidden(shown), "answer": "approve"}
    back = answered(await client.post(f"{BASE}/auth/authorize/answer", data=form, headers=cookies))
    redeem = {
        "grant_type": "authorization_code", "client_id": "mine", "code": back["code"],
        "redirect_uri": HOME, "code_verifier": VERIFIER,
    }  # fmt: skip
    answer = await client.post(f"{BASE}/auth/token", data=redeem)
    assert answer.status_code == 200, answer.text
    client.cookies.clear()
    return str(answer.json()["access_token"])


async def test_an_app_has_what_its_scopes_say_of_one_record(place: Online) -> None:
    """It reads the types that it was let read, of Ada alone, at the access of citizens alone, and changes
    nothing of who may."""
    app = client_to_register(
        "mine", ClientKind.APP, "My record", OdsCode("ZZS02"), SCOPE.split(),
        app=AppTerms((HOME,), "citizens", public=True), now=1,
    )  # fmt: skip
    await place.deployment.services.database.write(lambda conn: clients.register(conn, app))
    browser, nobody = await place.browser(ADAS), Browser(place.deployment, "")
    bearer = {"authorization": f"Bearer {await token(browser)}"}
    said = await place.deployment.client.get(f"{SERVER}{ME}/record", headers=bearer)
    assert {one["resourceType"] for one in checked(said).matches} == {"Patient", "AllergyIntolerance"}
    patient = (await nobody.ask(ME, headers=bearer)).body["patient"]
    bert = await place.deployment.subject(BERT)
    there, none = [await nobody.ask(f"/access/people/{one}", headers=bearer) for one in (bert, "x" * 26)]
    assert (there.status, there.body) == (none.status, none.body) == (404, there.body)
    refused: list[tuple[str, object, str]] = [
        (f"{ME}/carers", {"calls": "Carl", "until": "2099-01-01T00:00:00Z"}, "through-app"),
        (f"{ME}/choices", {}, "scope"),
        (f"{ME}/looks", None, "scope"),
        (f"{ME}/preview", {"role": "R8000", "organisation": "RXX"}, "scope"),
        ("/access/invitations/accept", {"code": "X"}, "not-yourself"),
        (f"{ME}/notices/seen", {"ids": []}, "through-app"),
    ]
    for path, body, code in refused:
        assert (await nobody.ask(path, body, headers=bearer)).code == code, path
    untold = {"break-glass": {"page": False, "message": False}}
    assert (
        await nobody.ask(f"{ME}/notices/choices", untold, method="PUT", headers=bearer)
    ).code == "through-app"
    endpoint = await place.deployment.client.get(f"{BASE}/Patient/{patient}", headers=bearer)
    assert checked(endpoint).code == "actor-kind"
    assert place.rows("access/record")[0].actor == "https://login.example|ada"
