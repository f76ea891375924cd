"""Apps that act for people: asked, let, given tokens, and for how long."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from msgspec import structs
from tests.unit.api.oauth.apps import (
    ISSUER,
    AppServer,
    answered,
    carer,
    citizen,
    hidden,
    staff,
)
from tests.unit.api.oauth.systems import BASE, Served, assertion

from scr.api.oauth.assertion import ASSERTION_TYPE
from scr.consent.actor import Actor, ActorKind
from scr.errors import Unauthenticated
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index
from scr.store import clients, grants
from scr.store.clients import ClientKind
from scr.store.trail import AuditRow, recent

ADA = NHSNumber("9995100002")
EVERYTHING = "openid fhirUser launch/patient patient/*.rs offline_access"


@pytest.fixture
def apps(served: Served) -> AppServer:
    """One app for staff and one for citizens, and the hospital's system, which may open the first."""
    made = AppServer(served)
    made.register("chart", "user/*.rs", "patient/*.rs", "openid", "fhirUser", "launch", "online_access")
    made.register("mine", "patient/*.rs", *EVERYTHING.split(), "online_access", people="citizens", once=True)
    served.register("pas", "system/*.rs", "launch")
    return made


def audit(apps: AppServer) -> list[AuditRow]:
    """The rows so far, the newest first."""
    return apps.served.database.read_now(lambda connection: recent(connection, 1000))


def held(apps: AppServer) -> str:
    """The logical id of Ada's Patient."""
    keys = apps.served.keys
    made = apps.served.database.write_now(
        lambda connection: index.register(connection, keys, ADA, Demographics(), 1)
    )
    return made.patient_id


async def actor_of(apps: AppServer, token: str) -> Actor:
    """Whom the endpoint takes the bearer for."""
    return await apps.verifier().actor(f"Bearer {token}")


async def test_a_nurse_lets_an_app_and_is_the_same_actor_through_it(apps: AppServer) -> None:
    """By the upstream's own token she would be the same, but for the app and the scopes."""
    apps.enter(staff())
    shown = await apps.ask("chart", "user/Observation.rs user/*.cud system/*.rs openid", nonce="n")
    for said in ("Sample App", "ZZS01", "Nora Nurse, Nurse Access Role", "investigation results"):
        assert said in shown.text
    policy = shown.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://app.example;" in policy
    back = answered(await apps.press(shown))
    told = (await apps.redeem("chart", back["code"])).json()
    assert told["scope"] == "openid user/Observation.rs"
    assert set(told) == {"access_token", "token_type", "expires_in", "scope", "id_token"}
    actor = await actor_of(apps, told["access_token"])
    assert actor == replace(
        staff().actor("user/Observation.rs openid", "chart"),
        app="chart",
        scopes=frozenset(told["scope"].split()),
    )
    assert (actor.role, actor.organisation, actor.subject) == (
        "R8001",
        OdsCode("RXX"),
        "https://cis2.example|555",
    )
    rows = [(row.what, row.actor, row.details.get("step", "")) for row in audit(apps)[:3]]
    assert rows == [
        ("token", f"{ISSUER}|chart", ""),
        ("authorization", actor.subject, "approved"),
        ("authorization", actor.subject, "asked"),
    ]
    assert audit(apps)[0].details["grant"] == audit(apps)[1].details["grant"]


async def test_the_id_token_is_what_openid_connect_wants(apps: AppServer) -> None:
    """Signed by a published key, for the app, with its nonce, and bound to the token it came with."""
    proved = int(time.time()) - 5
    apps.enter(staff(auth_time=proved))
    told = await apps.tokens("chart", "openid fhirUser user/*.rs", nonce="n-1")
    keys = KeySet.import_key_set((await apps.client.get("/fhir/auth/jwks")).json())
    read = jwt.decode(told["id_token"], keys, algorithms=["ES384"])
    assert read.header["typ"] == "JWT"
    claims = read.claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, "chart", "n-1")
    assert claims["auth_time"] == proved
    assert claims["fhirUser"].startswith(f"{BASE}/Practitioner/u-")
    assert {"at_hash", "c_hash"} <= set(claims)
    assert not any(told in json.dumps(claims) for told in ("Nora", "cis2", "R8001"))
    with pytest.raises(Unauthenticated, match="another kind"):
        await actor_of(apps, told["id_token"])


async def test_a_person_is_another_to_each_app(apps: AppServer) -> None:
    """``sub`` is pairwise: two apps cannot put together whom they saw."""
    apps.register("other", "user/*.rs", "openid")
    apps.enter(staff())
    subjects = []
    for app in ("chart", "other", "chart"):
        token = (await apps.tokens(app, "user/*.rs"))["access_token"]
        subjects.append(json.loads(_payload(token))["sub"])
    assert subjects[0] == subjects[2] != subjects[1]


def _payload(token: str) -> bytes:
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_a_citizen_has_their_own_patient_and_a_refresh_token_for_weeks(apps: AppServer) -> None:
    """Held to that Patient, by an id that is no number; asked once, as the operator registered it."""
    patient = held(apps)
    apps.enter(citizen(ADA.value))
    told = await apps.tokens("mine", EVERYTHING)
    assert (told["patient"], told["need_patient_banner"]) == (patient, True)
    assert ADA.value not in str(told) + _payload(told["access_token"]).decode()
    actor = await actor_of(apps, told["access_token"])
    assert (actor.kind, actor.patient, actor.launch) == (ActorKind.CITIZEN, ADA, patient)
    assert json.loads(_payload(told["id_token"]))["fhirUser"] == f"{BASE}/Patient/{patient}"
    apps.enter(citizen(ADA.value, signed_in=int(time.time()) + 1))
    assert "code" in answered(await apps.ask("mine", "patient/*.rs"))
    assert (await apps.ask("mine", "patient/*.rs online_access")).status_code == 200  # more than before
    assert (await apps.ask("mine", "patient/*.rs", prompt="consent")).status_code == 200
    apps.ahead = 29 * 24 * 3600
    again = (await apps.refresh("mine", told["refresh_token"])).json()
    assert again["patient"] == patient
    assert again["refresh_token"] != told["refresh_token"]
    apps.ahead = 31 * 24 * 3600
    assert (await apps.refresh("mine", again["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_carer_comes_as_the_carer_of_that_person(apps: AppServer) -> None:
    """``act`` is not lost on the way: who looks is the carer, whose record it is the person's."""
    patient = held(apps)
    apps.enter(carer(ADA.value))
    told = await apps.tokens("mine", EVERYTHING)
    actor = await actor_of(apps, told["access_token"])
    assert (actor.kind, actor.subject) == (ActorKind.CARER, "https://login.example|c-2")
    assert (actor.patient, actor.launch, told["patient"]) == (ADA, patient, patient)
    assert json.loads(_payload(told["id_token"]))["fhirUser"].startswith(f"{BASE}/Person/u-")
    assert "code" in answered(await apps.ask("mine", "patient/*.rs"))
    apps.enter(structs.replace(carer(ADA.value), subject="c-9"))
    assert (await apps.ask("mine", "patient/*.rs")).status_code == 200  # for another person


async def test_a_citizen_of_whom_nothing_is_held_is_held_to_nobody(apps: AppServer) -> None:
    """No context is made up, and a token of ``patient/`` scopes opens nobody's record."""
    apps.enter(citizen(ADA.value))
    told = await apps.tokens("mine", EVERYTHING)
    assert "patient" not in told
    assert "launch/patient" not in told["scope"]
    actor = await actor_of(apps, told["access_token"])
    assert actor.launch not in ("", held(apps))


async def test_a_launch_holds_a_nurse_to_its_patient(apps: AppServer) -> None:
    """The hospital's system opens the app for one patient: the token says whose, and opens no other."""
    apps.enter(staff())
    answer = await apps.launch("pas", "chart", "p-1", need_patient_banner="false")
    assert (answer.status_code, answer.json()["expires_in"]) == (200, 300)
    handle = answer.json()["launch"]
    told = await apps.tokens("chart", "launch patient/*.rs user/Condition.rs", launch=handle)
    assert (told["patient"], told["need_patient_banner"]) == ("p-1", False)
    actor = await actor_of(apps, told["access_token"])
    assert actor.launch == "p-1"
    assert actor.scopes == {"launch", "patient/*.rs", "user/Condition.rs"}
    assert "patient" not in await apps.tokens("chart", "patient/*.rs user/*.rs")


async def test_without_a_patient_patient_scopes_give_staff_nothing(apps: AppServer) -> None:
    """There is nobody whom they could speak of: they are left out, and alone refused."""
    apps.enter(staff())
    assert (await apps.tokens("chart", "patient/*.rs user/*.rs"))["scope"] == "user/*.rs"
    assert answered(await apps.ask("chart", "patient/*.rs"))["error"] == "invalid_scope"


async def test_an_app_with_keys_proves_who_it_is(apps: AppServer) -> None:
    """A confidential app comes with its assertion, and with its id alone is no client."""
    apps.register("portal", "user/*.rs", public=False)
    apps.enter(staff())
    code = await apps.code("portal", "user/*.rs")
    assert (await apps.redeem("portal", code)).json()["error"] == "invalid_client"
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion("portal")}
    assert (await apps.redeem("portal", code, **proof)).status_code == 200


async def test_refresh_tokens_take_turns_in_any_process(apps: AppServer) -> None:
    """Each is good once; scopes may become fewer, and what was granted stays what it was."""
    other = AppServer(apps.served)
    apps.enter(staff())
    told = await apps.tokens("chart", "user/*.rs online_access")
    second = (await other.refresh("chart", told["refresh_token"], scope="user/Observation.rs")).json()
    assert second["scope"] == "user/Observation.rs"
    refused = await apps.refresh("chart", second["refresh_token"], scope="system/*.rs")
    assert refused.json()["error"] == "invalid_scope"
    third = (await apps.refresh("chart", second["refresh_token"])).json()
    assert third["scope"] == "online_access user/*.rs"
    assert (await actor_of(other, third["access_token"])).app == "chart"


@pytest.mark.parametrize("how", ["signed out", "ended there", "eight hours", "disabled", "given back"])
async def test_when_it_is_over_every_token_is(apps: AppServer, how: str) -> None:
    """Access and refresh tokens end with what they rest on, at once and in every process."""
    who = staff()
    apps.enter(who)
    told = await apps.tokens("chart", "user/*.rs online_access")
    database, keys, now = apps.served.database, apps.served.keys, int(time.time() * 1000)
    if how == "signed out":
        login = grants.Login(who.issuer, who.subject, who.signed_in)
        assert database.write_now(lambda conn: grants.end_of_sign_in(conn, keys, login, now)) == 1
    elif how == "ended there":
        issuer = who.issuer
        assert database.write_now(lambda conn: grants.end_of_upstream(conn, keys, issuer, now, session="s-1"))
    elif how == "eight hours":
        apps.ahead = 8 * 3600
    elif how == "disabled":
        database.write_now(lambda conn: clients.disable(conn, "chart", now))
    else:
        form = {"client_id": "chart", "token": told["refresh_token"]}
        assert (await apps.post("revoke", form)).status_code == 200
    with pytest.raises(Unauthenticated):
        await actor_of(apps, told["access_token"])
    refused = await apps.refresh("chart", told["refresh_token"])
    assert refused.json()["error"] == ("invalid_client" if how == "disabled" else "invalid_grant")


async def test_introspection_tells_of_apps_tokens(apps: AppServer) -> None:
    """To a resource server and to the app, with its launch context; to no public app, and no other client."""
    apps.served.register("gateway", kind=ClientKind.RESOURCE_SERVER)
    patient = held(apps)
    apps.enter(citizen(ADA.value))
    told = await apps.tokens("mine", EVERYTHING)

    async def ask(client: str, token: str) -> dict[str, object]:
        proof = {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion(client, aud=f"{ISSUER}/introspect"),
        }
        found: dict[str, object] = (await apps.post("introspect", {**proof, "token": token})).json()
        return found

    said = await ask("gateway", told["access_token"])
    assert (said["active"], said["client_id"], said["patient"]) == (True, "mine", patient)
    assert said["scope"] == told["scope"]
    assert said["fhirUser"] == f"{BASE}/Patient/{patient}"
    renews = await ask("gateway", told["refresh_token"])
    assert (renews["active"], renews["client_id"], renews["patient"]) == (True, "mine", patient)
    for token in (told["access_token"], told["refresh_token"]):
        assert await ask("pas", token) == {"active": False}
    refused = await apps.post("introspect", {"client_id": "mine", "token": told["access_token"]})
    assert refused.json()["error"] == "unauthorized_client"


PROMPTS = [
    ({"prompt": "none"}, None, "login_required"),
    ({"prompt": "none"}, staff, "consent_required"),
    ({"prompt": "none login"}, staff, "invalid_request"),
    ({"max_age": "x"}, staff, "invalid_request"),
    ({"prompt": "create"}, staff, "invalid_request"),
]


@pytest.mark.parametrize(("asked", "who", "error"), PROMPTS)
async def test_prompt_is_kept_to(apps: AppServer, asked: dict[str, str], who: object, error: str) -> None:
    """Where nobody may be asked, nobody is; what cannot be understood is refused."""
    if who is not None:
        apps.enter(staff())
    assert answered(await apps.ask("chart", "user/*.rs", **asked))["error"] == error


async def test_who_is_not_signed_in_as_the_app_needs_signs_in_and_comes_back(apps: AppServer) -> None:
    """Nobody, a citizen, an old sign-in, `prompt=login`: to the upstream, once, and then back."""
    for who, asked in (
        (None, {}),
        (citizen(ADA.value), {}),
        (staff(), {"prompt": "login"}),
        (staff(auth_time=int(time.time()) - 900), {"max_age": "600"}),
    ):
        apps.browsers.people.clear()
        if who is not None:
            apps.enter(who)
        answer = await apps.ask("chart", "user/*.rs", **asked)
        assert answer.headers["location"] == "https://upstream.example/authorize"
        population, back, anew = apps.browsers.sent.pop()
        assert anew == bool(asked)
        assert (population, audit(apps)[0].details["step"]) == ("staff", "sign-in")
        once_more = await apps.client.get(back)  # they came back as they went
        if who is None or who.population == "citizens" or who.auth_time:
            assert answered(once_more)["error"] == "login_required"
        apps.enter(staff(signed_in=int(time.time()) + 1))
        assert (await apps.client.get(back)).status_code == 200
        forged = back.replace("scr_since=", "scr_since=9")
        if asked:
            apps.enter(who or staff())
            assert "upstream" in (await apps.client.get(forged)).headers["location"]


async def test_a_request_in_a_form_goes_on_as_one_in_an_address(apps: AppServer) -> None:
    """So that the browser comes with the cookie of its sign-in."""
    apps.enter(staff())
    shown = await apps.ask("chart", "user/*.rs")
    moved = await apps.client.post("/fhir/auth/authorize", content=hidden(shown)["query"])
    assert moved.status_code == 303
    assert (await apps.client.get(moved.headers["location"])).text.count(">Allow<") == 1


async def test_a_refusal_of_the_person_goes_to_the_app_and_is_remembered(apps: AppServer) -> None:
    """``access_denied`` at its own address; who had let it before is asked again."""
    held(apps)
    apps.enter(citizen(ADA.value))
    await apps.tokens("mine", "patient/*.rs")
    back = answered(await apps.press(await apps.ask("mine", "patient/*.rs", prompt="consent"), "refuse"))
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", "s", ISSUER)
    assert audit(apps)[0].code == "person-refused"
    assert (await apps.ask("mine", "patient/*.rs")).status_code == 200


async def test_discovery_tells_what_is_there(apps: AppServer) -> None:
    """The doors for apps where people can sign in; none of them where nobody can."""
    told = (await apps.client.get("/fhir/.well-known/smart-configuration")).json()
    assert told["authorization_endpoint"] == f"{ISSUER}/authorize"
    assert told["grant_types_supported"] == ["client_credentials", "authorization_code", "refresh_token"]
    assert {"launch-ehr", "sso-openid-connect", "client-public", "permission-offline"} <= set(
        told["capabilities"]
    )
    assert told["code_challenge_methods_supported"] == ["S256"]
    bare = (await apps.served.client.get("/fhir/.well-known/smart-configuration")).json()
    assert "authorization_endpoint" not in bare
    assert bare["response_types_supported"] == []
