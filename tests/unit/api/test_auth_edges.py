"""The edges of what is believed of a token: to the second, to the byte, to the last one remembered."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace

import httpx
import msgspec
import orjson
import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from starlette.requests import Request
from tests.unit.api.issuing import AUDIENCE, URL, TestIssuer, role

from scr.api.auth import TokenVerifier, authorization_of
from scr.api.auth.introspection import Introspector
from scr.api.auth.keys import (
    VerifyingKey,
)
from scr.api.auth.token import LONGEST, Acting, Claims, Header, looks_signed
from scr.api.auth.verifier import Trusted
from scr.consent.actor import Actor, ActorKind
from scr.errors import Invalid, Unauthenticated, Unavailable
from scr.fhir.identifiers import OdsCode
from scr.settings import Introspection

EC = ECKey.generate_key("P-256", {"kid": "ec-1"})
NOW = float(int(time.time()))
LEEWAY, LONG = 30, 24 * 3600


class Keys:
    """A source of one key that notes what it is asked for."""

    def __init__(self) -> None:
        self.verified: set[bytes] = set()
        self.asked: list[tuple[str, str]] = []

    async def key(self, kid: str, algorithm: str) -> VerifyingKey:
        """The key."""
        self.asked.append((kid, algorithm))
        return EC


def ours(**changes: object) -> Trusted:
    """This deployment as an issuer of its own."""
    return replace(Trusted(TestIssuer(EC).settings(), Keys(), ours=True), **changes)  # type: ignore[arg-type]


def verifier(own: Trusted | None = None) -> TokenVerifier:
    """One that trusts nobody but ourselves, at a clock that stands."""
    return TokenVerifier([], httpx.AsyncClient(), lambda: NOW, own=own or ours())


def bearer(**claims: object) -> str:
    """The header of a good token of a system's, with these claims."""
    return TestIssuer(EC).bearer(**{"organisation_code": "ZZG01", "iat": NOW, "exp": NOW + 60, **claims})


async def code(one: TokenVerifier, **claims: object) -> str:
    """What comes of a token with these claims: the code of the refusal, or nothing."""
    try:
        await one.actor(bearer(**claims))
    except Unauthenticated as refused:
        return refused.code
    return ""


TIMES: list[tuple[dict[str, object], str]] = [
    ({"iat": NOW - 90, "exp": NOW - LEEWAY}, "expired"),
    ({"iat": NOW - 90, "exp": NOW - LEEWAY + 1}, ""),
    ({"iat": NOW + LEEWAY}, ""),
    ({"iat": NOW + LEEWAY + 1}, "not-yet-valid"),
    ({"nbf": NOW + LEEWAY}, ""),
    ({"nbf": NOW + LEEWAY + 1}, "not-yet-valid"),
    ({"iat": NOW - 60, "exp": NOW - 60 + LONG}, ""),
    ({"iat": NOW - 60, "exp": NOW - 60 + LONG + 1}, "too-long"),
    ({"iat": None, "exp": NOW + LONG}, ""),
    ({"iat": None, "exp": NOW + LONG + 1}, "too-long"),
]


@pytest.mark.parametrize(("claims", "expected"), TIMES)
async def test_a_token_is_good_to_the_second(claims: dict[str, object], expected: str) -> None:
    """From its start to its end, each with half a minute for clocks; and for no longer than a day."""
    assert TestIssuer(EC).settings().longest_seconds == LONG
    assert await code(verifier(), **claims) == expected


async def test_one_of_several_audiences_is_enough() -> None:
    """``aud`` as a list, as RFC 7519 lets it be."""
    assert await code(verifier(), aud=["https://elsewhere.example", AUDIENCE]) == ""


async def test_our_own_token_names_the_system_and_its_organisation() -> None:
    """Of the organisation that it was registered for, under the issuer's name, with the scopes of systems."""
    actor = await verifier().actor(bearer(organisation_code="zzg01", scope="system/*.rs user/*.rs"))
    assert actor == Actor(
        ActorKind.SYSTEM,
        f"{URL}|555000000100",
        "Ann Lee",
        organisation=OdsCode("ZZG01"),
        scopes=frozenset({"system/*.rs"}),
        client="clinic",
    )
    assert await code(verifier(), organisation_code="") == "bad-token"


async def test_what_stands_of_a_token_is_asked_each_time_and_may_name_the_actor() -> None:
    """A session that is over refuses; whoever it names is the actor, and the token's own claims are not."""
    asked: list[str] = []
    answers: list[Actor | None] = [None, Actor(ActorKind.CITIZEN, "somebody")]

    async def standing(claims: Claims) -> Actor | None:
        asked.append(claims.sub)
        if not answers:
            raise Unauthenticated("over", code="over")
        return answers.pop(0)

    one = verifier(ours(standing=standing))
    sent = bearer()
    assert (await one.actor(sent)).kind is ActorKind.SYSTEM
    assert (await one.actor(sent)).subject == "somebody"
    with pytest.raises(Unauthenticated, match="over"):
        await one.checked(sent.removeprefix("Bearer "))
    assert len(asked) == 3


async def test_a_token_is_told_without_being_used_up() -> None:
    """Whose it is and what it says; it counts all the same when it comes."""
    trusted = TestIssuer(EC).settings().model_copy(update={"one_time": True})
    own = ours(issuer=trusted)
    spent: list[tuple[str, str, float]] = []

    async def spend(url: str, jti: str, until: float) -> bool:
        spent.append((url, jti, until))
        return len(spent) == 1

    one = TokenVerifier([], httpx.AsyncClient(), lambda: NOW, own=own, spend=spend)
    sent = bearer(jti="j")
    found, claims = await one.checked(sent.removeprefix("Bearer "))
    assert (found, claims.jti, spent) == (own, "j", [])
    await one.actor(sent)
    assert spent == [(URL, "j", NOW + 60 + LEEWAY)]
    with pytest.raises(Unauthenticated, match="counts once"):
        await one.actor(sent)


async def test_a_signature_that_held_is_remembered_by_the_very_bytes() -> None:
    """It is not computed again; ten thousand are remembered, and then none of before."""
    own = ours()
    one, sent = verifier(own), bearer()
    digest = hashlib.sha256(sent.removeprefix("Bearer ").encode()).digest()
    for _ in range(2):
        await one.actor(sent)
        assert own.keys.verified == {digest}
    forged = sent[:-8] + ("A" * 8 if not sent.endswith("A" * 8) else "B" * 8)
    own.keys.verified.update(number.to_bytes(32) for number in range(9_998))
    with pytest.raises(Unauthenticated):
        await one.actor(forged)
    assert len(own.keys.verified) == 9_999
    for serial, kept in (("a", 10_000), ("b", 1)):
        await one.actor(bearer(jti=serial))
        assert len(own.keys.verified) == kept


async def test_what_a_token_says_is_read_once() -> None:
    """Of a thousand; then none of before is remembered, and whoever comes again is."""
    one, sent = verifier(), bearer()
    await one.actor(sent)
    ((digest, (header, claims)),) = one._read.items()
    one._read[digest] = header, msgspec.structs.replace(claims, name="As it was read")
    assert (await one.actor(sent)).name == "As it was read"
    one._read.update({number.to_bytes(2): (header, claims) for number in range(998)})
    for again, kept in ((bearer(jti="a"), 1_000), (sent, 1_000), (bearer(jti="b"), 1), (sent, 2)):
        await one.actor(again)
        assert len(one._read) == kept


def test_who_is_trusted_and_whose_tokens_are_usual() -> None:
    """The settings' issuer, or else ourselves; who stands in the settings is not ourselves too."""
    theirs, client = TestIssuer(EC, url="https://theirs.example").settings(), httpx.AsyncClient()
    others = [TestIssuer(EC, url=f"https://{name}.example").settings() for name in "abc"]
    both = TokenVerifier([theirs, *others], client, own=ours())
    assert both.usual == theirs.url
    both = TokenVerifier([theirs], client, own=ours())
    assert (both.issuers, both.usual) == (frozenset({theirs.url}), theirs.url)
    assert (verifier().issuers, verifier().usual) == (frozenset(), URL)
    assert TokenVerifier([], client).usual == ""
    with pytest.raises(Invalid, match="is this deployment itself") as refused:
        TokenVerifier([TestIssuer(EC).settings()], client, own=ours())
    assert refused.value.code == "bad-setting"


def test_an_issuer_that_needs_what_is_not_there_stops_the_start() -> None:
    """A memory for tokens that count once, a secret to ask about opaque ones."""
    asks = Introspection(url=f"{URL}/introspect", client_id="scr", secret="file:none")
    for lacks in ({"one_time": True}, {"introspection": asks}):
        trusted = TestIssuer(EC).settings().model_copy(update=lacks)
        with pytest.raises(Invalid) as refused:
            TokenVerifier([trusted], httpx.AsyncClient())
        assert refused.value.code == "bad-setting"


@pytest.mark.parametrize(
    ("sent", "read"),
    [([], None), ([""], None), (["Bearer a"], "Bearer a"), (["Bearer a", "Bearer b"], "Bearer a, Bearer b")],
)
def test_several_headers_are_joined_and_so_none_of_them_counts(sent: list[str], read: str | None) -> None:
    """A proxy that reads the first and a server that reads the last are not told two things."""
    headers = [(b"authorization", one.encode()) for one in sent]
    assert authorization_of(Request({"type": "http", "headers": headers})) == read


async def test_a_token_may_be_as_long_as_is_said_and_no_longer() -> None:
    """To the character, of what is a token or not."""
    for length, expected in ((LONGEST, "bad-token"), (LONGEST + 1, "token-too-large")):
        with pytest.raises(Unauthenticated) as refused:
            await verifier().actor(f"Bearer {'a' * length}")
        assert refused.value.code == expected


def test_what_is_said_of_a_token_s_kind() -> None:
    """Three parts are a signed one; the names of its kind have no case, and no ``application/``."""
    assert [looks_signed(text) for text in ("a.b.c", "a.b", "a.b.c.d", "")] == [True, False, False, False]
    assert Header("ES256").kind == "jwt"
    assert Header("ES256", typ="Application/AT+JWT").kind == "at+jwt"
    assert Claims("i", "s", "a", 1).audiences == ["a"]
    plain = Claims("i", "s", "a", 1)
    assert (plain.nbf, plain.iat, plain.jti, plain.scope, plain.vot, plain.grant) == (
        None,
        None,
        "",
        "",
        "",
        "",
    )
    assert (Acting("s").nhs_number, Acting("s").vot, Acting("s").name) == ("", "", "")


async def test_of_opaque_tokens_ten_thousand_answers_are_remembered() -> None:
    """And then none of before; an answer counts until its seconds are over, and not then."""
    asked: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"active": True, "sub": "s", "aud": "a", "exp": 1})

    now = NOW
    client = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    asks = Introspection(url=f"{URL}/introspect", client_id="scr", secret="file:none", cache_seconds=5)
    known: dict[bytes, tuple[float, Claims | None]] = {
        number.to_bytes(2): (NOW, None) for number in range(9_999)
    }
    one = Introspector(TestIssuer(EC).settings(), asks, client, lambda _: b"s", lambda: now, known)
    for token, later, kept, calls in (
        ("x", 0, 10_000, 1),
        ("x", 4, 10_000, 1),
        ("y", 4, 1, 2),
        ("y", 9, 1, 3),
    ):
        now = NOW + later
        assert (await one.claims(token)).iss == URL
        assert (len(known), len(asked)) == (kept, calls)
    assert (asked[0].method, asked[0].headers["accept"]) == ("POST", "application/json")
    assert min(asked[0].extensions["timeout"].values()) > 0


async def test_what_an_issuer_says_while_it_fails_is_not_believed() -> None:
    """An answer counts with its status; and what is no token is not even sent to it."""
    asked: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(500, json={"active": True, "sub": "s", "aud": AUDIENCE, "exp": NOW + 60})

    asks = Introspection(url=f"{URL}/introspect", client_id="scr", secret="file:none")
    trusted = TestIssuer(EC).settings().model_copy(update={"introspection": asks})
    client = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    one = TokenVerifier([trusted], client, secret=lambda _: b"s")
    with pytest.raises(Unavailable) as down:
        await one.actor("Bearer opaque")
    assert (down.value.code, len(asked)) == ("issuer-down", 1)
    for header in ("Bearer a b", "Bearer a,b", "Bearer a=b", "Bearer \u00e9"):
        with pytest.raises(Unauthenticated) as refused:
            await one.actor(header)
        assert refused.value.code == "bad-token"
    assert len(asked) == 1


async def test_a_header_may_name_what_nobody_asks_and_no_token_within() -> None:
    """A private parameter changes nothing; a token within a token is refused under either name."""
    header = {"alg": "ES256", "typ": "at+jwt", "kid": "ec-1"}
    registry = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    for more, expected in (
        ({"x-ours": "1"}, ""),
        ({"cty": "application/JWT"}, "bad-header"),
        ({"cty": "x"}, ""),
    ):
        payload = orjson.dumps(TestIssuer(EC).claims(organisation_code="ZZG01", iat=NOW, exp=NOW + 60))
        token = jws.serialize_compact({**header, **more}, payload, EC, registry=registry)
        try:
            await verifier().actor(f"Bearer {token}")
            found = ""
        except Unauthenticated as refused:
            found = refused.code
        assert found == expected


async def test_a_role_s_name_is_told_without_its_quotation_marks() -> None:
    """And there is none where no role was selected."""
    issuer = TestIssuer(EC)
    named = {**role(), "role_name": '"Fax"'}
    actor = await issuer.verifier().actor(issuer.bearer(nhsid_nrbac_roles=[named]))
    assert actor.role_name == "Fax"
    assert (await issuer.verifier().actor(issuer.bearer(selected_roleid=None))).role_name == ""


@pytest.mark.parametrize("path", ["", "/realmx", "/realm/"])
async def test_discovery_stands_under_the_issuer_s_own_address(path: str) -> None:
    """OpenID Connect Discovery, 4: after the whole of it, with one slash between."""
    issuer = TestIssuer(EC, url=URL + path)
    asked: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        assert min(request.extensions["timeout"].values()) > 0
        asked.append(request.url.path)
        return httpx.Response(200, json={"issuer": URL + path, "jwks_uri": "nowhere"})

    client = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    with pytest.raises(Unavailable):
        await TokenVerifier([issuer.settings()], client).actor(issuer.bearer())
    assert asked == [f"{path.rstrip('/')}/.well-known/openid-configuration"]


async def test_an_issuer_in_the_clear_may_have_its_keys_there() -> None:
    """On a machine of one's own; its settings say so. Over TLS they may not (``test_auth``)."""
    issuer = TestIssuer(EC, url="http://issuer.example")
    assert (await issuer.verifier().actor(issuer.bearer())).name == "Ann Lee"
