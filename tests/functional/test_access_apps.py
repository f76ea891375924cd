"""An app that a citizen lets act for them: their record, narrowed by its scopes, and nothing else."""

from __future__ import annotations

import pytest
from tests.functional.deployment import ADA, BASE, BERT, NOBODY, SERVER, checked
from tests.functional.online import Browser, Online, carer, citizen, newcomer
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


async def token(browser: Browser, app: str = "mine", scope: str = SCOPE) -> str:
    """What an app is given, once whoever is signed in has let it."""
    client, cookies = browser.deployment.client, browser.headers
    asked = request_of(app, scope, aud=BASE)
    shown = await client.get(f"{BASE}/auth/authorize", params=asked, headers=cookies)
    for cookie in client.cookies.jar:
        cookies["cookie"] += f"; {cookie.name}={cookie.value}"
    form = {**hidden(shown), "answer": "approve"}
    back = answered(await client.post(f"{BASE}/auth/authorize/answer", data=form, headers=cookies))
    redeem = {
        "grant_type": "authorization_code", "client_id": app, "code": back["code"],
        "redirect_uri": HOME, "code_verifier": VERIFIER,
    }  # fmt: skip
    answer = await client.post(f"{BASE}/auth/token", data=redeem)
    assert answer.status_code == 200, answer.text
    client.cookies.clear()
    return str(answer.json()["access_token"])


def app_of(name: str, scope: str = SCOPE) -> clients.Client:
    """An app that is registered here."""
    return client_to_register(
        name, ClientKind.APP, "My record", OdsCode("ZZS02"), scope.split(),
        app=AppTerms((HOME,), "citizens", public=True), now=1,
    )  # fmt: skip


async def test_an_app_has_what_its_scopes_say_of_one_record(place: Online) -> None:
    """It reads the types that it was let read, of Ada alone, at the access of citizens alone, and changes
    nothing of who may."""
    app = app_of("mine")
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


async def test_an_app_of_who_acts_for_somebody_has_what_they_have_and_no_longer(place: Online) -> None:
    """It reads that one record as the carer, both of whom the audit names; it adds what the carer may add, as
    the carer's; and when the person ends the access, the very next request is refused as of nobody."""
    scope = "launch/patient patient/AllergyIntolerance.rs patient/Communication.cr"
    app = app_of("theirs", scope)
    await place.deployment.services.database.write(lambda conn: clients.register(conn, app))
    ada, carls = await place.browser(ADAS), newcomer(NOBODY, "Carl Carer")
    carl, nobody = await place.browser(carls), Browser(place.deployment, "")
    wanted = {"calls": "Carl", "until": "2027-06-01T00:00:00Z", "contributes": True}
    made = (await ada.ask(f"{ME}/carers", wanted)).body
    assert (await carl.ask("/access/invitations/accept", {"code": made["code"]})).status == 201
    acting = await place.browser(carer(ADA, carls.subject, "Carl Carer", relationship="consent"))
    bearer = {"authorization": f"Bearer {await token(acting, 'theirs', scope)}"}
    said = await place.deployment.client.get(f"{SERVER}{ME}/record", headers=bearer)
    assert {one["resourceType"] for one in checked(said).matches} == {"AllergyIntolerance"}
    row = place.rows("access/record")[0]
    assert (row.actor_name, row.details["acts_for"]) == ("Carl Carer", "Ada Mary O'Sample")
    note = {"values": {"text": "She likes tea"}}
    added = await nobody.ask(f"{ME}/contributions/note", note, headers=bearer)
    assert (added.status, added.body.get("by")) == (201, "Carl Carer (acting for the person)"), added.body
    bert = await place.deployment.subject(BERT)
    assert (await nobody.ask(f"/access/people/{bert}", headers=bearer)).code == "no-record"
    assert (await nobody.ask(f"{ME}/carers", wanted, headers=bearer)).code == "own-only"
    assert (await ada.ask(f"{ME}/carers/{made['id']}/end", {})).status == 200
    assert (await nobody.ask(f"{ME}/record", headers=bearer)).status == 404
