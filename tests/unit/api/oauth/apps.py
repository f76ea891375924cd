"""Apps that people let act for them, over a real store; the sign-in is a browser's that says who it is."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from tests.unit.api.oauth.systems import BASE, EC, Served, assertion, key_set

from scr.api.auth import TokenVerifier
from scr.api.auth.token import Acting, NrbacRole
from scr.api.oauth.app_terms import AppTerms
from scr.api.oauth.assertion import ASSERTION_TYPE
from scr.api.oauth.authorize import AuthorizeRoutes
from scr.api.oauth.registration import client_to_register
from scr.api.oauth.routes import OAuthRoutes
from scr.api.oauth.server import AuthorisationServer
from scr.api.oauth.signing import SigningKeys
from scr.api.pages.render import moved
from scr.api.signin.person import Population, SignedIn
from scr.fhir.identifiers import OdsCode
from scr.store import clients
from scr.store.clients import ClientKind

HOME = "https://app.example/back"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
AUTHORIZE = "/fhir/auth/authorize"
ISSUER = f"{BASE}/auth"
NURSE = NrbacRole("role-1", "RXX", "S8000:G8000:R8001", '"Nurse Access Role"')
Form = dict[str, str]


def staff(**changes: object) -> SignedIn:
    """A nurse of the hospital who signed in just now."""
    told: dict[str, object] = {
        "population": "staff",
        "upstream": "cis2",
        "issuer": "https://cis2.example",
        "subject": "555",
        "name": "Nora Nurse",
        "signed_in": int(time.time()),
        "sid": "s-1",
        "assurance": "3",
        "user_id": "555",
        "role": NURSE,
        **changes,
    }
    return SignedIn(**told)  # type: ignore[arg-type]


def citizen(number: str, **changes: object) -> SignedIn:
    """A citizen who signed in just now."""
    told: dict[str, object] = {
        "population": "citizens",
        "upstream": "nhs-login",
        "issuer": "https://login.example",
        "subject": "c-1",
        "name": "",
        "signed_in": int(time.time()),
        "assurance": "P9",
        "vot": "P9.Cp.Cd",
        "nhs_number": number,
        **changes,
    }
    return SignedIn(**told)  # type: ignore[arg-type]


def carer(number: str) -> SignedIn:
    """Somebody who acts for that person."""
    act = Acting("c-2", "Carl Carer", "", "P9", "P9.Cp.Cd")
    return citizen(number, act=act, assurance="", vot="")


@dataclass
class Browsers:
    """A sign-in whose browsers say by a cookie who is there; ``people`` are those that can be."""

    people: dict[str, SignedIn] = field(default_factory=dict)
    sent: list[tuple[Population, str, bool]] = field(default_factory=list)

    def offers(self, _population: Population) -> object:
        """Everybody can sign in."""
        return self

    async def current(self, request: Request) -> SignedIn | None:
        """Whom the cookie names."""
        return self.people.get(request.cookies.get("who", ""))

    async def begin(
        self, _request: Request, population: Population, return_to: str, *, anew: bool = False
    ) -> Response:
        """Off to the upstream."""
        self.sent.append((population, return_to, anew))
        return moved("https://upstream.example/authorize")


@dataclass
class AppServer:
    """The doors for apps, of one process over a store that several may share."""

    served: Served
    browsers: Browsers = field(default_factory=Browsers)
    ahead: float = 0.0
    server: AuthorisationServer = field(init=False)
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        """Open them. ``ahead`` sets the clock of this process forward."""
        app, database, keys = FastAPI(openapi_url=None), self.served.database, self.served.keys
        signing = SigningKeys((self.served.home / "signing.json").read_bytes)
        outside = httpx.AsyncClient()
        self.server = server = AuthorisationServer(BASE, signing, database, keys, outside, self.clock)

        def now() -> int:
            return int(self.clock() * 1000)

        routes = OAuthRoutes(server, database, now, ["staff", "citizens"])
        app.include_router(routes.router(), prefix="/fhir")
        authorize = AuthorizeRoutes(server, self.browsers, database, keys, now, secure=True)
        app.include_router(authorize.router(), prefix="/fhir")
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://record.example")

    def clock(self) -> float:
        """Seconds since 1970, by this process."""
        return time.time() + self.ahead

    def verifier(self) -> TokenVerifier:
        """The endpoint's gate."""
        return TokenVerifier((), httpx.AsyncClient(), self.clock, own=self.server.trusted)

    def register(
        self,
        app: str,
        *scopes: str,
        people: Population = "staff",
        public: bool = True,
        once: bool = False,
        addresses: tuple[str, ...] = (HOME,),
    ) -> None:
        """Register an app of a supplier."""
        made = client_to_register(
            app,
            ClientKind.APP,
            "Sample App",
            OdsCode("ZZS01"),
            scopes,
            key_set=b"" if public else key_set(EC),
            app=AppTerms(addresses, people, "once" if once else "each", public=public),
            now=1,
        )
        self.served.database.write_now(lambda connection: clients.register(connection, made))

    def enter(self, who: SignedIn) -> None:
        """Let somebody be signed in at this browser."""
        self.browsers.people["x"] = who
        self.client.cookies.set("who", "x", domain="record.example")

    async def ask(self, app: str, scope: str, **changes: str | None) -> httpx.Response:
        """The browser comes with an app's request; a change to None leaves a parameter out."""
        return await self.client.get(AUTHORIZE, params=request_of(app, scope, **changes))

    async def press(self, shown: httpx.Response, answer: str = "approve", **changes: str) -> httpx.Response:
        """Press a button of the page that asks."""
        assert shown.status_code == 200, shown.headers
        return await self.client.post(
            f"{AUTHORIZE}/answer", data={**hidden(shown), "answer": answer, **changes}
        )

    async def code(self, app: str, scope: str, **changes: str | None) -> str:
        """A code that somebody has let an app have."""
        back = answered(await self.press(await self.ask(app, scope, **changes)))
        assert back["state"] == "s"
        assert back["iss"] == ISSUER
        return back["code"]

    async def redeem(self, app: str, code: str, **changes: str) -> httpx.Response:
        """A public app shows its code."""
        form = {
            "grant_type": "authorization_code",
            "client_id": app,
            "code": code,
            "redirect_uri": HOME,
            "code_verifier": VERIFIER,
            **changes,
        }
        return await self.post("token", form)

    async def refresh(self, app: str, token: str, **more: str) -> httpx.Response:
        """A public app shows its refresh token."""
        form = {"grant_type": "refresh_token", "client_id": app, "refresh_token": token, **more}
        return await self.post("token", form)

    async def tokens(self, app: str, scope: str, **changes: str | None) -> dict[str, Any]:
        """All that an app is given in the end."""
        answer = await self.redeem(app, await self.code(app, scope, **changes))
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def post(self, what: str, form: Form) -> httpx.Response:
        """A form to one of the doors for clients."""
        return await self.client.post(f"/fhir/auth/{what}", data=form)

    async def launch(self, system: str, app: str, patient: str, **more: str) -> httpx.Response:
        """A system opens an app for a patient."""
        form = {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion(system, aud=f"{ISSUER}/launch"),
            "app": app,
            "patient": patient,
            **more,
        }
        return await self.post("launch", form)


def request_of(app: str, scope: str, **changes: str | None) -> Form:
    """The parameters of a good request."""
    told: dict[str, str | None] = {
        "response_type": "code",
        "client_id": app,
        "redirect_uri": HOME,
        "scope": scope,
        "state": "s",
        "aud": BASE,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in told.items() if value is not None}


def answered(answer: httpx.Response, at: str = HOME) -> Form:
    """What the app is told at its own address."""
    assert answer.status_code == 303, answer.text
    where = urlsplit(answer.headers["location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == at
    return {name: values[0] for name, values in parse_qs(where.query).items()}


def hidden(shown: httpx.Response) -> Form:
    """The hidden fields of a page's form."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', shown.text)
    return {name: unescape(value) for name, value in found}


def query(form: Form) -> str:
    """As a query."""
    return urlencode(form)
