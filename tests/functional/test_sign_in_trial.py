"""Signing in through an independent OpenID provider (npm's oidc-provider), whole and over real HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from starlette.requests import Request
from tests.functional import node_package, oidc_provider
from tests.functional.deployment import make_home
from tests.functional.oidc_provider import Providers
from tests.support.ports import free_port

from scr.api.desk import Desk
from scr.api.oauth.build import open_verifier
from scr.api.onboarding import PROGRAMME
from scr.api.pages.onboarding import OnboardingPages
from scr.api.pages.sessions import Sessions
from scr.api.services import now_ms, open_services
from scr.api.signin.build import open_sign_in, sign_in_routes
from scr.settings import Settings, Upstream
from scr.store.engine import Database
from scr.store.trail import recent

OURS = "https://record.test"
SECRET = "of these tests alone"
KEY = RSAKey.generate_key(2048, {"kid": "ours", "use": "sig", "alg": "RS512"})
MARK = "https://trust.example/mark"
ADA, CHILD = "9995100002", "9995200007"
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _role(profile: str, code: str, name: str) -> dict[str, object]:
    return {
        "person_roleid": profile,
        "org_code": "RXX",
        "role_code": f"S8000:G8000:{code}",
        "role_name": name,
    }


_LEAD, _MANAGER = _role("1", "R5007", "System Administrator"), _role("2", "R8013", "Records Manager")
_STAFF = {
    "nhsid_useruid": "555000000100",
    "name": "Ann Lee",
    "nhsid_nrbac_roles": [_LEAD, _MANAGER],
    "nhsid_user_orgs": [{"org_code": "RXX", "org_name": "Sample Hospital"}],
    "authentication_assurance_level": "3",
}
_CITIZEN = {
    "given_name": "Ada",
    "family_name": "Sample",
    "nhs_number": ADA,
    "identity_proofing_level": "P9",
    "vot": "P9.Cp.Cd",
    "vtm": MARK,
    "delegations": [
        {"sub": "child", "nhs_number": CHILD, "name": "Bert", "relationship": "parental-responsibility"}
    ],
}
_SIGNED = {
    "staff": ["sub", "selected_roleid", "authentication_assurance_level"],
    "citizens": ["sub", "nhs_number", "identity_proofing_level", "vot", "vtm"],
}


def _configuration(back: str) -> dict[str, Any]:
    """What each provider knows: us, its people, and which claim goes with which scope."""

    def client(name: str, **more: object) -> dict[str, object]:
        return {
            "client_id": "record",
            "redirect_uris": [f"{OURS}/signin/{name}/callback"],
            "post_logout_redirect_uris": [f"{OURS}/signin/out"],
            "backchannel_logout_uri": f"{back}/signin/{name}/backchannel-logout",
            "backchannel_logout_session_required": True,
            **more,
        }

    return {
        "staff": {
            "alg": "RS256",
            "client": client("cis2", client_secret=SECRET),
            "accounts": {
                "lead": {**_STAFF, "selected_roleid": "1"},
                "manager": {**_STAFF, "selected_roleid": "2"},
                "both": _STAFF,
                "stranger": {**_STAFF, "selected_roleid": "3"},
                "nobody": {**_STAFF, "nhsid_nrbac_roles": []},
            },
            "scopes": {
                "openid": _SIGNED["staff"],
                "nationalrbacaccess": ["nhsid_useruid", "nhsid_nrbac_roles", "nhsid_user_orgs", "name"],
            },
            "acr_values": ["AAL3_ANY"],
        },
        "citizens": {
            "alg": "RS512",
            "client": client(
                "nhs-login",
                token_endpoint_auth_method="private_key_jwt",
                token_endpoint_auth_signing_alg="RS512",
                id_token_signed_response_alg="RS512",
                jwks={"keys": [KEY.as_dict(private=False)]},
            ),
            "accounts": {
                "ada": _CITIZEN,
                "alone": {**_CITIZEN, "delegations": []},
                "low": {**_CITIZEN, "identity_proofing_level": "P5", "vot": "P5.Cp.Cd"},
                "torn": {**_CITIZEN, "identity_proofing_level": "P5"},
                "weak": {**_CITIZEN, "vot": "P9.Cp"},
                "unmarked": {**_CITIZEN, "vtm": ""},
            },
            "scopes": {
                "openid": _SIGNED["citizens"],
                "profile": ["given_name", "family_name"],
                "delegation": ["delegations"],
            },
            "acr_values": [],
        },
    }


@pytest.fixture(scope="module")
def back() -> str:
    """Where the providers reach us: our own address has no socket."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def providers(back: str) -> Iterator[Providers]:
    """Two of them, in a process of node."""
    try:
        folder = oidc_provider.make()
    except node_package.NotMade as reason:
        pytest.skip(str(reason))
    with oidc_provider.running(folder, _configuration(back)) as made:
        yield made


@dataclass
class Trial:
    """The deployment and what looks at it. ``ahead`` is how far our clock is before the providers'."""

    providers: Providers
    database: Database
    app: FastAPI
    ahead: float = 0

    def browser(self) -> httpx.AsyncClient:
        """A browser that knows nothing yet."""
        mounts = {OURS: httpx.ASGITransport(self.app)}
        return httpx.AsyncClient(mounts=mounts, follow_redirects=True, trust_env=False, verify=False)

    def told(self) -> tuple[str, str, str]:
        """The latest row of the audit: what was done, what came of it, and the code."""
        [row] = self.database.read_now(lambda connection: recent(connection, 1))
        return row.action, row.outcome, row.code


def _upstreams(providers: Providers) -> tuple[Upstream, ...]:
    staff = Upstream(
        name="cis2", title="NHS CIS2", url=providers.staff, people="staff", client_id="record",
        authentication="client_secret_basic", secret="file:keys/cis2.secret", acr_values="AAL3_ANY",
        scopes=("openid", "nationalrbacaccess"),
    )  # fmt: skip
    citizens = Upstream(
        name="nhs-login", title="NHS login", url=providers.citizens, people="citizens", client_id="record",
        secret="file:keys/ours.pem", key_id="ours", algorithms=("RS512",), vtm=MARK,
        scopes=("openid", "profile", "delegation"), vtr=("P9.Cp.Cd", "P5.Cp.Cd"),
    )  # fmt: skip
    return (staff, citizens)


@pytest.fixture
async def trial(
    providers: Providers, database_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> AsyncIterator[Trial]:
    """A deployment that both providers know; at the end, nobody and no token was logged."""
    home = tmp_path / "home"
    make_home(home, f"{OURS}/fhir")
    (home / "keys" / "cis2.secret").write_text(SECRET)
    (home / "keys" / "ours.pem").write_bytes(KEY.as_pem(private=True))
    settings = Settings(
        home=home, database_url=database_url, base_url=f"{OURS}/fhir", upstreams=_upstreams(providers)
    )
    async with open_services(settings) as services:
        app = FastAPI()
        made = Trial(providers, services.database, app)
        sign_in = open_sign_in(services, lambda: time.time() + made.ahead)
        sessions = Sessions(services.database, services.keys, now_ms, sign_in=sign_in)
        desk = Desk(PROGRAMME, open_verifier(services, None), services.policy, services.database, now_ms)

        async def who(request: Request) -> dict[str, str]:
            person = await sign_in.current(request)
            if person is None:
                return {}
            actor = person.actor()
            patient, own = actor.patient, actor.nhs_number
            return {
                "kind": actor.kind.value, "role": actor.role or "", "organisation": actor.organisation_name,
                "patient": patient.value if patient else "", "own": own.value if own else "",
                "assurance": actor.assurance,
            }  # fmt: skip

        app.include_router(sign_in_routes(sign_in, services).router())
        app.include_router(OnboardingPages(desk, services.programme, sessions, secure=True).router())
        app.add_api_route("/who", who)
        yield made
        providers.tamper()
    logged = "".join(capfd.readouterr())
    for secret in ("Ann Lee", "Sample", ADA, CHILD, SECRET, "eyJ", "state="):
        assert secret not in logged


_FORM = re.compile(r'<form[^>]*action="([^"]+)"', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_LINK = re.compile(r'<a (?=[^>]*role="button")[^>]*href="([^"]+)"')


async def submit(browser: httpx.AsyncClient, page: httpx.Response, **filled: str) -> httpx.Response:
    """Send the form of a page, as a browser does."""
    [action] = _FORM.findall(page.text)[-1:]
    hidden = {unescape(name): unescape(value) for name, value in _HIDDEN.findall(page.text)}
    return await browser.post(page.url.join(unescape(action)), data=hidden | filled)


async def through(browser: httpx.AsyncClient, page: httpx.Response, login: str) -> httpx.Response:
    """Answer what a provider asks, until the browser is led back to us."""
    while page.url.host == "127.0.0.1":
        assert page.status_code == 200, page.text
        page = await submit(browser, page, login=login, password="any")
    return page


async def come_in(browser: httpx.AsyncClient, people: str, login: str, to: str = "/who") -> httpx.Response:
    """Sign in from the beginning."""
    begun = await browser.get(f"{OURS}/signin/begin/{people}", params={"to": to})
    return await through(browser, begun, login)


def visit_of(browser: httpx.AsyncClient) -> str:
    """The cookie that names the browser's session."""
    return str(browser.cookies.get("__Host-scr_visit", domain="record.test"))


async def test_staff_come_in_with_the_role_that_was_selected(trial: Trial) -> None:
    """One role of two, never both; each sign-in has a session of a new name, and the one before is over."""
    async with trial.browser() as browser:
        page = await come_in(browser, "staff", "lead", "/onboarding")
        assert (page.status_code, page.url.path) == (200, "/onboarding")
        [cookie] = [one for one in page.history[-1].headers.get_list("set-cookie") if "visit" in one]
        for said in ("__Host-scr_visit=", "; HttpOnly", "; Path=/;", "; SameSite=lax", "; Secure"):
            assert said in cookie
        before = visit_of(browser)
        [row] = [one for one in trial.database.read_now(recent) if one.action == "sign-in"]
        assert (row.role, row.organisation, row.actor_name, row.outcome) == (
            "R5007", "RXX", "Ann Lee", "success",
        )  # fmt: skip
    async with trial.browser() as browser:
        browser.cookies.set("__Host-scr_visit", before, domain="record.test")
        assert (await browser.get(f"{OURS}/who")).json()["role"] == "R5007"
        page = await come_in(browser, "staff", "manager", "/onboarding")
        assert page.status_code == 403
        assert visit_of(browser) != before
    async with trial.browser() as browser:
        browser.cookies.set("__Host-scr_visit", before, domain="record.test")
        assert (await browser.get(f"{OURS}/who")).json() == {}


async def test_who_holds_several_roles_chooses_one(trial: Trial) -> None:
    """Nobody is signed in before; what was not offered, or a form of elsewhere, chooses nothing."""
    async with trial.browser() as browser:
        page = await come_in(browser, "staff", "both")
        assert (page.url.path, (await browser.get(f"{OURS}/who")).json()) == ("/signin/choose", {})
        for option in ("2", "-1", "", "x"):
            again = await submit(browser, page, option=option)
            assert (again.status_code, "Choose one of these" in again.text) == (400, True)
        assert (await submit(browser, page, option="1", csrf="made up")).status_code == 403
        page = await submit(browser, page, option="1")
        assert _LINK.findall(page.text) == ["/who"]
        told = (await browser.get(f"{OURS}/who")).json()
        assert (told["role"], told["organisation"], told["assurance"]) == ("R8013", "Sample Hospital", "3")
        assert (await browser.get(f"{OURS}/signin/choose")).status_code == 401


async def test_a_citizen_acts_for_whom_they_may_and_for_nobody_else(trial: Trial) -> None:
    """As themselves, or for the child that the provider lists, as a carer of the child."""
    for option, kind, patient in (("0", "citizen", ADA), ("1", "carer", CHILD)):
        async with trial.browser() as browser:
            page = await come_in(browser, "citizens", "ada")
            await submit(browser, page, option=option)
            told = (await browser.get(f"{OURS}/who")).json()
            assert (told["kind"], told["patient"], told["own"]) == (kind, patient, ADA)
            assert told["assurance"] == "P9"
    async with trial.browser() as browser:
        assert (await come_in(browser, "citizens", "alone")).json()["kind"] == "citizen"


_NOW = int(time.time())
_REFUSED: list[tuple[str, str, dict[str, dict[str, Any]], str]] = [
    ("staff", "stranger", {}, "role-not-held"),
    ("staff", "nobody", {}, "no-role"),
    ("citizens", "low", {}, "assurance"),
    ("citizens", "torn", {}, "bad-token"),
    ("citizens", "weak", {}, "bad-vot"),
    ("citizens", "unmarked", {}, "bad-vtm"),
    ("staff", "lead", {"id_token": {"nonce": "another"}}, "bad-nonce"),
    ("staff", "lead", {"id_token": {"aud": "another"}}, "bad-audience"),
    ("staff", "lead", {"id_token": {"aud": ["record", "another"]}}, "bad-audience"),
    ("staff", "lead", {"id_token": {"azp": "another"}}, "bad-audience"),
    ("staff", "lead", {"id_token": {"iss": "https://another.example"}}, "wrong-issuer"),
    ("staff", "lead", {"id_token": {"exp": _NOW - 60}}, "expired"),
    ("staff", "lead", {"id_token": {"iat": _NOW - 3600}}, "expired"),
    ("staff", "lead", {"id_token": {"iat": _NOW + 86_400}}, "not-yet-valid"),
    ("staff", "lead", {"id_token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}}, "bad-at-hash"),
    ("staff", "lead", {"id_token": {"sub": "manager"}}, "other-subject"),
    ("staff", "lead", {"id_token": {"selected_roleid": "2"}}, "bad-token"),
    ("staff", "lead", {"header": {"kid": "another"}}, "unknown-key"),
    ("staff", "lead", {"header": {"alg": "PS256"}}, "bad-algorithm"),
    ("staff", "lead", {"header": {"typ": "at+jwt"}}, "wrong-kind"),
    ("staff", "lead", {"userinfo": {"sub": "manager"}}, "other-subject"),
    ("staff", "lead", {"userinfo": {"nhsid_useruid": ""}}, "no-user"),
    ("citizens", "alone", {"userinfo": {"nhs_number": CHILD}}, "bad-token"),
]


async def test_what_does_not_hold_signs_nobody_in(trial: Trial) -> None:
    """Each refusal has its code in the audit, a page with a way on, and leaves nobody signed in."""
    for people, login, tampering, code in _REFUSED:
        trial.providers.tamper(**tampering)
        async with trial.browser() as browser:
            page = await come_in(browser, people, login)
            assert trial.told() == ("sign-in", "refused", code), (login, tampering)
            assert page.status_code in (401, 403)
            assert f"/signin/begin/{people}?to=%2Fwho" in page.text
            assert (await browser.get(f"{OURS}/who")).json() == {}


async def answer_of(browser: httpx.AsyncClient, login: str) -> httpx.URL:
    """The address that a provider leads back to, not yet followed."""
    browser.follow_redirects = False
    page = await browser.get(f"{OURS}/signin/begin/staff", params={"to": "/who"})
    while True:
        if page.is_redirect:
            address = page.url.join(page.headers["location"])
            if address.host == "record.test":
                browser.follow_redirects = True
                return address
            page = await browser.get(address)
        else:
            page = await submit(browser, page, login=login, password="any")


async def test_an_answer_counts_once_in_its_own_browser_and_from_its_own_issuer(trial: Trial) -> None:
    """Swapped codes, an answer again, in another browser, of another issuer, or with anything twice."""
    async with trial.browser() as browser, trial.browser() as other:
        one, two = await answer_of(browser, "lead"), await answer_of(other, "manager")
        fresh = [await answer_of(other, "manager") for _ in range(5)]
        cases = [
            (browser, one.copy_set_param("code", two.params["code"]), "upstream-refused"),
            (browser, one, "bad-state"),
            (browser, two, "bad-state"),
            (other, two, "bad-state"),
            (other, fresh[0].copy_set_param("iss", "https://x.example"), "wrong-issuer"),
            (other, fresh[1].copy_remove_param("iss"), "wrong-issuer"),
            (other, fresh[2].copy_add_param("state", "s"), "bad-answer"),
            (other, fresh[3].copy_add_param("code", "c"), "bad-answer"),
            (other, fresh[4].copy_with(path="/signin/nhs-login/callback"), "wrong-issuer"),
        ]  # fmt: skip
        for who, address, code in cases:
            page = await who.get(address)
            assert (trial.told(), page.status_code) == (("sign-in", "refused", code), 401)
            assert (await who.get(f"{OURS}/who")).json() == {}


async def test_nobody_is_led_anywhere_but_back(trial: Trial) -> None:
    """The page to come back to is a path of ours."""
    async with trial.browser() as browser:
        for to in ("https://x.example/", "//x.example/", "/\\x.example", "x", "", "/\tx", "/ü", "/a b"):
            page = await browser.get(f"{OURS}/signin/begin/staff", params={"to": to})
            assert (page.status_code, page.url.host) == (400, "record.test")
            assert trial.told() == ("sign-in", "refused", "bad-return")


async def test_a_new_key_is_found_and_a_slow_sign_in_is_over(trial: Trial) -> None:
    """What the provider signs with its next key is believed, once we may look again; an old token is not."""
    async with trial.browser() as browser:
        assert (await come_in(browser, "staff", "lead")).json()["role"] == "R5007"
    trial.providers.rotate("staff")
    trial.ahead = 10
    async with trial.browser() as browser:
        assert (await come_in(browser, "staff", "lead")).json()["role"] == "R5007"
    trial.ahead = 700
    async with trial.browser() as browser:
        await come_in(browser, "staff", "lead")
        assert trial.told() == ("sign-in", "refused", "expired")


async def test_signing_out_here_and_there(trial: Trial, back: str) -> None:
    """From our page the browser ends its session there too; ended there, the visit here is over at once."""
    async with trial.browser() as browser:
        await come_in(browser, "staff", "lead")
        home = await browser.get(f"{OURS}/signin")
        assert "Ann Lee" in home.text
        assert (await submit(browser, home, csrf="made up")).url.path == "/signin/out"
        assert (await browser.get(f"{OURS}/who")).json()["role"] == "R5007"
        onward = await submit(browser, home)
        assert (await browser.get(f"{OURS}/who")).json() == {}
        page = await browser.get(unescape(_LINK.findall(onward.text)[0]))
        assert (await submit(browser, page, logout="yes")).url == f"{OURS}/signin/out"
    async with relayed(back, trial), trial.browser() as browser, trial.browser() as other:
        await come_in(browser, "staff", "lead")
        await come_in(other, "staff", "lead")
        page = await browser.get(f"{trial.providers.staff}/session/end")
        await submit(browser, page, logout="yes")
        assert trial.told() == ("sign-out", "success", "")
        assert (await browser.get(f"{OURS}/who")).json() == {}
        assert (await other.get(f"{OURS}/who")).json()["role"] == "R5007"


@asynccontextmanager
async def relayed(back: str, trial: Trial) -> AsyncIterator[None]:
    """A provider's own calls are handed to us."""
    async with trial.browser() as browser:

        async def pass_on(request: web.Request) -> web.Response:
            form = {name: str(value) for name, value in (await request.post()).items()}
            said = await browser.post(f"{OURS}{request.path}", data=form)
            return web.Response(body=said.content, status=said.status_code)

        app = web.Application()
        app.router.add_post("/{tail:.*}", pass_on)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", int(back.rpartition(":")[2])).start()
        try:
            yield
        finally:
            await runner.cleanup()
