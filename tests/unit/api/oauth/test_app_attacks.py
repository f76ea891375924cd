"""Attacks on apps and on those who let them: each refused, with a code of its own, and nothing given away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from tests.unit.api.oauth.apps import (
    AUTHORIZE,
    CHALLENGE,
    HOME,
    ISSUER,
    VERIFIER,
    AppServer,
    answered,
    citizen,
    hidden,
    query,
    request_of,
    staff,
)
from tests.unit.api.oauth.systems import BASE, Served

from scr.api.oauth.app_terms import AppTerms, check_app_terms
from scr.api.oauth.asked import proves
from scr.api.signin.person import Population
from scr.errors import Invalid, Unauthenticated
from scr.store.trail import AuditRow, recent

GRANTED = "user/*.rs online_access"


@pytest.fixture
def apps(served: Served) -> AppServer:
    """Two apps for staff, one for citizens, the hospital's system and another's; a nurse is signed in."""
    made = AppServer(served)
    made.register("chart", "user/*.rs", "patient/*.rs", "launch", "online_access")
    made.register("other", "user/*.rs", "patient/*.rs", "launch", addresses=("https://other.example/back",))
    made.register("mine", "patient/*.rs", people="citizens")
    served.register("pas", "system/*.rs", "launch")
    made.enter(staff())
    return made


def last(apps: AppServer) -> AuditRow:
    """The newest row of the audit."""
    return apps.served.database.read_now(lambda connection: recent(connection, 1))[0]


async def refused_code(answer: Awaitable[httpx.Response], apps: AppServer) -> str:
    """What the audit says of a call that must have failed, and given nothing."""
    response = await answer
    assert response.status_code >= 400 or "error=" in response.headers["location"]
    assert "access_token" not in response.text
    assert "code=" not in response.headers.get("location", "")
    row = last(apps)
    assert row.outcome == "refused"
    assert "grant" not in row.details
    return row.code


ADDRESSES = [
    "https://app.example/back/", "https://app.example/back?x=1", "https://app.example/back#x",
    "https://app.example/back/../back", "https://app.example:443/back", "http://app.example/back",
    "https://APP.example/back", "https://app.example/Back", "https://app.example/back%20",
    "https://app.example@evil.example/back", "https://app.example.evil.example/back",
    "https://evil.example/?u=https://app.example/back", "//app.example/back", "/back", "",
    "javascript:alert(1)", "https://other.example/back",
]  # fmt: skip


async def test_nobody_is_sent_to_an_address_that_is_not_the_apps(apps: AppServer) -> None:
    """Whatever it looks like: a page of ours says so, and the browser stays."""
    for address in ADDRESSES:
        answer = await apps.ask("chart", "user/*.rs", redirect_uri=address)
        assert (answer.status_code, "location" in answer.headers) == (400, False), address
        assert last(apps).code == "bad-redirect", address
    twice = f"{query(request_of('chart', 'user/*.rs'))}&redirect_uri={HOME}"
    assert "location" not in (await apps.client.get(f"{AUTHORIZE}?{twice}")).headers


async def test_a_client_that_is_no_app_asks_nobody(apps: AppServer) -> None:
    """Unknown ones, and systems: no page that asks, and no address."""
    for client in ("nobody", "pas", "", "chart "):
        answer = await apps.ask(client, "user/*.rs")
        assert (answer.status_code, "location" in answer.headers) == (400, False), client
        assert last(apps).code == "unknown-client", client


REQUESTS: list[tuple[str, dict[str, str | None], str, str]] = [
    ("no state", {"state": None}, "invalid_request", "no-state"),
    ("no challenge", {"code_challenge": None}, "invalid_request", "no-pkce"),
    ("no method, which means plain", {"code_challenge_method": None}, "invalid_request", "no-pkce"),
    ("plain", {"code_challenge_method": "plain", "code_challenge": VERIFIER}, "invalid_request", "no-pkce"),
    ("a short challenge", {"code_challenge": CHALLENGE[:42]}, "invalid_request", "no-pkce"),
    ("no audience", {"aud": None}, "invalid_request", "bad-audience"),
    ("another endpoint", {"aud": "https://evil.example/fhir"}, "invalid_request", "bad-audience"),
    ("another resource", {"resource": "https://evil.example"}, "invalid_request", "bad-audience"),
    ("the implicit flow", {"response_type": "token"}, "unsupported_response_type", "bad-response-type"),
    ("the hybrid flow", {"response_type": "code id_token"}, "unsupported_response_type", "bad-response-type"),
    ("a fragment", {"response_mode": "fragment"}, "invalid_request", "bad-response-mode"),
    ("a form", {"response_mode": "form_post"}, "invalid_request", "bad-response-mode"),
    ("a request object", {"request": "e30.e30."}, "request_not_supported", "request-object"),
    ("a request elsewhere", {"request_uri": "https://e.example"}, "request_uri_not_supported", "request-uri"),
    ("registering itself", {"registration": "{}"}, "registration_not_supported", "registration"),
    ("only what it may not have", {"scope": "system/*.rs user/*.cud"}, "invalid_scope", "no-scope"),
    ("no scope", {"scope": None}, "invalid_scope", "no-scope"),
    ("a launch without its scope", {"launch": "x"}, "invalid_request", "bad-launch"),
    ("its scope without a launch", {"scope": "launch user/*.rs"}, "invalid_request", "bad-launch"),
    ("a launch made up", {"scope": "launch user/*.rs", "launch": "x"}, "invalid_request", "bad-launch"),
]  # fmt: skip


async def test_a_request_that_is_not_right_is_told_to_the_app_alone(apps: AppServer) -> None:
    """At its own address, with its state and who answers (RFC 9207); nobody was asked anything."""
    for name, told, error, code in REQUESTS:
        changes: dict[str, str | None] = {"scope": "user/*.rs", **told}
        scope = changes.pop("scope") or ""
        back = answered(await apps.client.get(AUTHORIZE, params=request_of("chart", scope, **changes)))
        assert (back["error"], back["iss"], last(apps).code) == (error, ISSUER, code), name
        assert back.get("state") == (None if "state" in changes else "s"), name


async def test_a_parameter_that_stands_twice_is_refused(apps: AppServer) -> None:
    """Which of the two another reader would take is not to be guessed."""
    for more in ("scope=system/*.rs", f"aud={BASE}", "code_challenge_method=plain", "state=t"):
        asked = f"{query(request_of('chart', 'user/*.rs'))}&{more}"
        assert await refused_code(apps.client.get(f"{AUTHORIZE}?{asked}"), apps) in (
            "repeated-parameter", "no-state",
        )  # fmt: skip


FORMS: list[tuple[str, dict[str, str], dict[str, str]]] = [
    ("without its token", {"csrf": ""}, {}),
    ("with another's token", {"csrf": "0" * 64}, {}),
    ("made by another site", {}, {"sec-fetch-site": "cross-site"}),
    ("without the cookie", {}, {"cookie": "who=x"}),
    ("for another request", {"query": query(request_of("chart", "patient/*.rs user/*.rs"))}, {}),
    ("for another app", {"query": query(request_of("other", "user/*.rs"))}, {}),
]


async def test_nobody_but_the_person_presses_the_button(apps: AppServer) -> None:
    """A form that the page did not make lets no app, and sends the browser nowhere."""
    shown = await apps.ask("chart", "user/*.rs")
    for name, changes, headers in FORMS:
        form = {**hidden(shown), "answer": "approve", **changes}
        answer = await apps.client.post(f"{AUTHORIZE}/answer", data=form, headers=headers)
        assert "location" not in answer.headers, name
        assert last(apps).code in ("stale-form", "unknown-client", "bad-request", "bad-redirect"), name


async def test_the_page_of_one_person_lets_no_app_for_another(apps: AppServer) -> None:
    """Somebody else who signs in at the browser meanwhile is asked anew."""
    shown = await apps.ask("chart", "user/*.rs")
    apps.enter(staff(subject="666", name="Nick"))
    answer = await apps.press(shown)
    assert (answer.status_code, last(apps).code) == (403, "stale-form")


CODES: list[tuple[str, dict[str, str], str]] = [
    ("by another app", {"client_id": "other"}, "wrong-client"),
    ("with another address", {"redirect_uri": "https://other.example/back"}, "wrong-redirect"),
    ("without an address", {"redirect_uri": ""}, "wrong-redirect"),
    ("with another verifier", {"code_verifier": "w" * 43}, "wrong-verifier"),
    ("without a verifier", {"code_verifier": ""}, "wrong-verifier"),
    ("with the challenge itself", {"code_verifier": CHALLENGE}, "wrong-verifier"),
    ("that was made up", {"code": "x" * 43}, "bad-code"),
    ("as a refresh token", {"grant_type": "refresh_token", "refresh_token": "x"}, "bad-refresh"),
    ("by a password grant", {"grant_type": "password"}, "unsupported_grant_type"),
]


async def test_a_code_is_good_for_its_app_alone(apps: AppServer) -> None:
    """Bound to the app, its address and the challenge of its request; a stolen one is used up by a try."""
    for name, changes, code in CODES:
        taken = await apps.code("chart", GRANTED)
        stolen = apps.redeem("chart", **{"code": taken, **changes})
        assert await refused_code(stolen, apps) == code, name
        if code.startswith("wrong"):
            assert await refused_code(apps.redeem("chart", taken), apps) == "code-used", name


async def test_a_code_is_good_for_a_minute(apps: AppServer) -> None:
    """And not for one millisecond more."""
    code = await apps.code("chart", GRANTED)
    apps.ahead = 61
    assert await refused_code(apps.redeem("chart", code), apps) == "code-late"


async def test_a_code_that_comes_twice_ends_what_came_of_it(apps: AppServer) -> None:
    """Somebody else has it too: whoever was first loses what they were given."""
    code = await apps.code("chart", GRANTED)
    told = (await apps.redeem("chart", code)).json()
    assert (await apps.verifier().actor(f"Bearer {told['access_token']}")).app == "chart"
    assert await refused_code(AppServer(apps.served).redeem("chart", code), apps) == "code-used"
    with pytest.raises(Unauthenticated, match="taken back"):
        await apps.verifier().actor(f"Bearer {told['access_token']}")
    assert await refused_code(apps.refresh("chart", told["refresh_token"]), apps) == "grant-over"


@pytest.mark.parametrize("what", ["code", "refresh"])
async def test_of_many_processes_one_is_given_tokens(apps: AppServer, what: str) -> None:
    """One code or refresh token, shown to eight processes at once: one takes it, and loses it again."""
    processes = [AppServer(apps.served) for _ in range(8)]
    code = await apps.code("chart", GRANTED)
    show: Callable[[AppServer], Awaitable[httpx.Response]]
    if what == "code":

        def show(process: AppServer) -> Awaitable[httpx.Response]:
            return process.redeem("chart", code)
    else:
        token = (await apps.redeem("chart", code)).json()["refresh_token"]

        def show(process: AppServer) -> Awaitable[httpx.Response]:
            return process.refresh("chart", token)

    answers = await asyncio.gather(*map(show, processes))
    given = [answer.json()["access_token"] for answer in answers if answer.status_code == 200]
    assert len(given) <= 1
    for token in given:
        with pytest.raises(Unauthenticated):
            await apps.verifier().actor(f"Bearer {token}")


async def test_an_old_refresh_token_ends_the_family(apps: AppServer) -> None:
    """Whoever stole one and whoever was robbed cannot both go on, so neither does."""
    told = await apps.tokens("chart", GRANTED)
    newer = (await apps.refresh("chart", told["refresh_token"])).json()
    assert await refused_code(apps.refresh("chart", told["refresh_token"]), apps) == "refresh-used"
    assert await refused_code(apps.refresh("chart", newer["refresh_token"]), apps) == "grant-over"
    with pytest.raises(Unauthenticated):
        await apps.verifier().actor(f"Bearer {newer['access_token']}")


async def test_a_refresh_token_at_another_app_ends_it(apps: AppServer) -> None:
    """It is bound to its app; that it is elsewhere says that it was stolen."""
    told = await apps.tokens("chart", GRANTED)
    assert await refused_code(apps.refresh("other", told["refresh_token"]), apps) == "wrong-client"
    assert await refused_code(apps.refresh("chart", told["refresh_token"]), apps) == "refresh-used"


async def test_one_app_takes_nothing_back_from_another(apps: AppServer) -> None:
    """RFC 7009, 2.1: the token of another client is refused, and goes on counting."""
    told = await apps.tokens("chart", GRANTED)
    for token in (told["access_token"], told["refresh_token"]):
        form = {"client_id": "other", "token": token}
        assert await refused_code(apps.post("revoke", form), apps) == "other-client"
    assert (await apps.refresh("chart", told["refresh_token"])).status_code == 200


async def test_an_app_is_given_nothing_of_its_own(apps: AppServer) -> None:
    """Without a person it has no token, and a system has none of a person's."""
    form = {"grant_type": "client_credentials", "client_id": "chart", "scope": "user/*.rs"}
    assert await refused_code(apps.post("token", form), apps) == "unauthorized_client"


async def launched(apps: AppServer, who: str = "chart", **more: str) -> str:
    """A handle of the hospital's system."""
    return str((await apps.launch("pas", who, "p-1", **more)).json()["launch"])


async def test_a_launch_is_good_once_for_its_app_and_its_organisation(apps: AppServer) -> None:
    """Not for another app, another hospital's nurse, a second time, in another process, or later."""
    asked = {"scope": "launch patient/*.rs"}

    def ask(app: str, handle: str, **more: str) -> Awaitable[httpx.Response]:
        return apps.ask(app, asked["scope"], launch=handle, **more)

    handle = await launched(apps)
    at_other = ask("other", handle, redirect_uri="https://other.example/back")
    assert await refused_code(at_other, apps) == "bad-launch"
    elsewhere = staff().role
    assert elsewhere is not None
    apps.enter(staff(role=type(elsewhere)("r", "RYY", elsewhere.role_code)))
    assert await refused_code(ask("chart", handle), apps) == "launch-organisation"
    apps.enter(staff())
    shown = await ask("chart", handle)
    assert "code" in answered(await apps.press(shown))
    assert await refused_code(apps.press(shown), apps) == "bad-launch"
    assert await refused_code(ask("chart", handle), apps) == "bad-launch"
    later = await launched(apps)
    apps.ahead = 301
    assert await refused_code(ask("chart", later), apps) == "bad-launch"


LAUNCHES = [
    ("by a system that may not", "lab", "chart", "p-1", "not-a-launcher"),
    ("of an app that is not there", "pas", "nobody", "p-1", "unknown-app"),
    ("of a system", "pas", "lab", "p-1", "unknown-app"),
    ("of an app for citizens", "pas", "mine", "p-1", "unknown-app"),
    ("for no patient", "pas", "chart", "", "invalid_request"),
    ("for a patient by number", "pas", "chart", "x|9995100002", "invalid_request"),
]


async def test_who_may_open_what(apps: AppServer) -> None:
    """Systems that were registered for it open apps that were, for an id; nothing of the form is repeated."""
    for name, system, app, patient, code in LAUNCHES:
        assert await refused_code(apps.launch(system, app, patient), apps) == code, name
        assert "9995100002" not in str(last(apps)), name


async def test_an_app_alone_opens_nothing(apps: AppServer) -> None:
    """A public app has no proof, and cannot make a handle for itself."""
    form = {"client_id": "chart", "app": "chart", "patient": "p-1"}
    assert await refused_code(apps.post("launch", form), apps) == "not-a-launcher"


async def test_a_token_of_ours_for_elsewhere_is_none_here(apps: AppServer) -> None:
    """Signed by us, and yet: another audience, another client's grant, a grant that is not there."""
    told = await apps.tokens("chart", GRANTED)
    now = int(apps.clock())
    grant = last(apps).details["grant"]
    good = {
        "iss": ISSUER, "sub": "x", "aud": BASE, "iat": now, "exp": now + 60, "jti": "j",
        "client_id": "chart", "scope": "user/*.rs", "grant": grant,
    }  # fmt: skip
    sign = apps.server.signing.sign
    assert (await apps.verifier().actor(f"Bearer {sign(good)}")).subject == "https://cis2.example|555"
    for change, code in (
        ({"aud": "https://other.example/fhir"}, "bad-audience"),
        ({"client_id": "other"}, "revoked"),
        ({"client_id": "pas"}, "revoked"),
        ({"grant": "none"}, "revoked"),
        ({"grant": ""}, "revoked"),
        ({"exp": now + 3600}, "too-long"),
    ):
        with pytest.raises(Unauthenticated) as refused:
            await apps.verifier().actor(f"Bearer {sign({**good, **change})}")
        assert refused.value.code == code
    with pytest.raises(Unauthenticated) as refused:
        await apps.verifier().actor(f"Bearer {sign(good, 'JWT')}")
    assert refused.value.code == "wrong-kind"
    assert told["access_token"]


async def test_a_citizen_has_no_app_for_staff(apps: AppServer) -> None:
    """Whoever is signed in as one of other people is sent to sign in, and given no code."""
    apps.enter(citizen("9995100002"))
    assert "upstream" in (await apps.ask("chart", "user/*.rs")).headers["location"]


async def test_staff_without_a_role_let_no_app(apps: AppServer) -> None:
    """The selected role is what an app would act by."""
    apps.enter(staff(role=None))
    assert await refused_code(apps.ask("chart", "user/*.rs"), apps) == "no-role"


TERMS: list[tuple[str, str, Population, bool, str]] = [
    ("no https", "http://app.example/back", "staff", True, "user/*.rs"),
    ("a wildcard", "https://*.app.example/back", "staff", False, "user/*.rs"),
    ("a fragment", "https://app.example/back#x", "staff", False, "user/*.rs"),
    ("a user", "https://a@app.example/back", "staff", False, "user/*.rs"),
    ("a space", "https://app.example/a b", "staff", False, "user/*.rs"),
    ("a script", "javascript:alert(1)", "staff", True, "user/*.rs"),
    ("no name of its own", "myapp:/back", "staff", True, "user/*.rs"),
    ("a name by name", "http://localhost/back", "staff", True, "user/*.rs"),
    ("its own scheme, confidential", "uk.example.app:/back", "staff", False, "user/*.rs"),
    ("this machine, confidential", "http://127.0.0.1/back", "staff", False, "user/*.rs"),
    ("a system's scope", HOME, "staff", False, "system/*.rs"),
    ("offline at work", HOME, "staff", False, "offline_access"),
    ("launched by a citizen", HOME, "citizens", False, "launch"),
    ("no scope at all", HOME, "staff", False, ""),
    ("what is no scope", HOME, "staff", False, "profile"),
]


@pytest.mark.parametrize(
    ("address", "people", "public", "scope"), [pytest.param(*rest, id=name) for name, *rest in TERMS]
)
def test_what_is_registered_can_work_and_is_safe(
    address: str, people: Population, public: bool, scope: str
) -> None:
    """The operator is told what to change, before anybody could be sent to a wrong place."""
    with pytest.raises(Invalid):
        check_app_terms(AppTerms((address,), people, public=public), scope.split())
    for good in (HOME, "uk.example.app:/back", "http://127.0.0.1:8123/back"):
        check_app_terms(AppTerms((good,), "staff", public=True), ["user/*.rs"])


def test_a_verifier_is_held_to_its_letters() -> None:
    """RFC 7636, 4.1 and the example of its appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert proves("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", verifier)
    assert not proves("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", verifier + "\n")
    assert not proves(CHALLENGE, VERIFIER[:42])
