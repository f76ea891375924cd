"""Opaque tokens: what their issuer says of them is asked, and believed for a few seconds."""

from __future__ import annotations

import asyncio
import base64
import time
from urllib.parse import parse_qs

import httpx
import pytest
from joserfc.jwk import ECKey
from tests.unit.api.issuing import AUDIENCE, URL, Claims, TestIssuer

from scr.api.auth import TokenVerifier
from scr.errors import Invalid, ScrError, Unauthenticated, Unavailable
from scr.settings import Introspection

EC = ECKey.generate_key("P-256", {"kid": "ec-1"})
TOKEN = "an~opaque/token+of.nobody=="


class Opaque:
    """An issuer that says what its opaque tokens are; ``asked`` are the forms that it was sent."""

    def __init__(self) -> None:
        self.issuer = TestIssuer(EC)
        self.now = time.time()
        self.answer: httpx.Response | Exception = self.says()
        self.asked: list[dict[str, list[str]]] = []
        self.credentials: list[str] = []

    def says(self, **changes: object) -> httpx.Response:
        """An answer about an active token of a clinician; a change to None leaves a claim out."""
        told = {**self.issuer.claims(active=True, token_type="Bearer"), **changes}
        return httpx.Response(200, json={name: value for name, value in told.items() if value is not None})

    def respond(self, request: httpx.Request) -> httpx.Response:
        """Introspection, and the keys of signed tokens."""
        if request.url.path != "/introspect":
            return self.issuer.respond(request)
        self.asked.append(parse_qs(request.content.decode()))
        self.credentials.append(request.headers["authorization"])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def verifier(self, transport: httpx.MockTransport | None = None) -> TokenVerifier:
        """A verifier that asks it."""
        asks = Introspection(
            url=f"{URL}/introspect", client_id="scr:1/2", secret="file:secret", cache_seconds=5
        )
        trusted = self.issuer.settings().model_copy(update={"introspection": asks})
        client = httpx.AsyncClient(transport=transport or httpx.MockTransport(self.respond))
        return TokenVerifier([trusted], client, lambda: self.now, secret=lambda _: b"pass word")


async def code_of(verifier: TokenVerifier, token: str = TOKEN) -> str:
    """The code with which a token is refused, without its text."""
    with pytest.raises(ScrError) as caught:
        await verifier.actor(f"Bearer {token}")
    assert token not in str(caught.value)
    return caught.value.code


async def test_an_active_token_makes_an_actor_and_its_issuer_is_asked_once_in_some_seconds() -> None:
    """As the client that we are to it; what it said is asked again when it is old."""
    opaque = Opaque()
    verifier = opaque.verifier()
    for _ in range(3):
        actor = await verifier.actor(f"Bearer {TOKEN}")
        assert (actor.name, actor.subject) == ("Ann Lee", f"{URL}|555000000100")
    assert opaque.asked == [{"token": [TOKEN], "token_type_hint": ["access_token"]}]
    assert base64.b64decode(opaque.credentials[0].removeprefix("Basic ")) == b"scr%3A1%2F2:pass+word"
    opaque.answer = httpx.Response(200, json={"active": False})
    opaque.now += 6
    assert await code_of(verifier) == "inactive"
    assert len(opaque.asked) == 2


REFUSED: list[tuple[str, Claims, str]] = [
    ("not active", {"active": False}, "inactive"),
    ("to refresh with", {"token_type": "refresh_token"}, "inactive"),
    ("bound to a key", {"token_type": "DPoP"}, "inactive"),
    ("of another issuer", {"iss": "https://evil.example"}, "inactive"),
    ("for nobody in particular", {"aud": None}, "inactive"),
    ("for another service", {"aud": "https://evil.example"}, "bad-audience"),
    ("without an end", {"exp": None}, "inactive"),
    ("at an end", {"exp": 1}, "expired"),
    ("of nobody", {"sub": None}, "inactive"),
    ("of the empty name", {"sub": ""}, "bad-token"),
]


@pytest.mark.parametrize(
    ("changes", "code"), [pytest.param(changes, code, id=name) for name, changes, code in REFUSED]
)
async def test_an_answer_that_does_not_say_enough_is_a_refusal(changes: Claims, code: str) -> None:
    """What is not said plainly is not taken."""
    opaque = Opaque()
    opaque.answer = opaque.says(**changes)
    assert await code_of(opaque.verifier()) == code


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("down"),
        httpx.Response(401, json={"error": "invalid_client"}),
        httpx.Response(503),
        httpx.Response(302, headers={"location": "https://evil.example"}),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"active": "true"}),
        httpx.Response(200, content=b'{"active":true', headers={"content-type": "application/json"}),
        httpx.Response(200, json={"active": False, "filler": "x" * 70_000}),
    ],
    ids=["down", "401", "503", "elsewhere", "a list", "nothing", "in words", "broken off", "endless"],
)
async def test_an_issuer_that_does_not_say_leaves_the_token_refused(
    answer: httpx.Response | Exception,
) -> None:
    """Closed, and to be tried again: nothing of it is remembered."""
    opaque = Opaque()
    opaque.answer, good = answer, opaque.answer
    verifier = opaque.verifier()
    with pytest.raises(Unavailable):
        await verifier.actor(f"Bearer {TOKEN}")
    opaque.answer = good
    assert (await verifier.actor(f"Bearer {TOKEN}")).name == "Ann Lee"


@pytest.mark.leaping
@pytest.mark.parametrize(("seconds", "there"), [(2, True), (4, False)])
async def test_an_issuer_that_is_slow_is_waited_for_a_few_seconds(seconds: int, there: bool) -> None:
    """For its word on an opaque token as for its keys; then it counts as down."""
    opaque = Opaque()

    async def slowly(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(seconds)
        return opaque.respond(request)

    verifier = opaque.verifier(httpx.MockTransport(slowly))
    for token in (TOKEN, opaque.issuer.token()):
        if there:
            assert (await verifier.actor(f"Bearer {token}")).name == "Ann Lee"
        else:
            assert await code_of(verifier, token) == "issuer-down"


async def test_a_signed_token_is_not_asked_about() -> None:
    """Its signature says whose it is; one whose signature does not hold is not sent on either."""
    opaque = Opaque()
    verifier = opaque.verifier()
    assert (await verifier.actor(opaque.issuer.bearer())).name == "Ann Lee"
    other = ECKey.generate_key("P-256", {"kid": "ec-1"})
    assert await code_of(verifier, opaque.issuer.token(key=other)) == "bad-signature"
    assert opaque.asked == []


async def test_without_introspection_an_opaque_token_is_none() -> None:
    """Nobody is asked."""
    issuer = TestIssuer(EC)
    with pytest.raises(Unauthenticated):
        await issuer.verifier().actor(f"Bearer {TOKEN}")
    assert issuer.asked == []


async def test_a_secret_that_is_not_there_stops_the_start() -> None:
    """And not the first request."""
    asks = Introspection(url=f"{URL}/introspect", client_id="scr", secret="file:none")
    trusted = TestIssuer(EC, audience=AUDIENCE).settings().model_copy(update={"introspection": asks})

    def secret(_: str) -> bytes:
        raise Invalid("not there", code="no-secret")

    for given in (secret, None):
        with pytest.raises(Invalid):
            TokenVerifier([trusted], httpx.AsyncClient(), secret=given)
