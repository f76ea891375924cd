"""Tokens: what is trusted, what is not, and what a trusted one says of the actor."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
import warnings
from collections.abc import Callable

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa as crypto_rsa
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey
from tests.support.patience import LONG
from tests.unit.api.issuing import AUDIENCE, URL, Claims, TestIssuer, b64, resigned, role

from scr.api.auth import TokenVerifier
from scr.api.auth.keys import FRESH_SECONDS
from scr.consent.actor import ActorKind
from scr.errors import Invalid, Unauthenticated, Unavailable
from scr.fhir.identifiers import OdsCode
from scr.settings import Algorithm

RSA = RSAKey.generate_key(2048, {"kid": "rsa-1"})
EC = ECKey.generate_key("P-256", {"kid": "ec-1"})
OTHER = ECKey.generate_key("P-256", {"kid": "ec-1"})


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def issuer() -> TestIssuer:
    """An issuer that signs with the elliptic curve, and has published both keys."""
    made = TestIssuer(EC)
    made.published = [RSA, EC]
    return made


async def refusal(verifier: TokenVerifier, authorization: str | None) -> str:
    """The code with which a header is refused; nothing of the token stands in the error."""
    with pytest.raises(Unauthenticated) as caught:
        await verifier.actor(authorization)
    text = f"{caught.value} {caught.value.where}"
    for part in (authorization or "").removeprefix("Bearer ").split("."):
        assert len(part) < 8 or part not in text
    for secret in ("555000000100", "Ann Lee", "evil", "clinic"):
        assert secret not in text
    assert caught.value.__cause__ is None
    return caught.value.code


async def test_a_subject_may_be_as_long_as_openid_lets_it(issuer: TestIssuer) -> None:
    """255 characters."""
    actor = await issuer.verifier().actor("Bearer " + issuer.token(sub="x" * 255))
    assert actor.subject == f"{URL}|{'x' * 255}"


@pytest.mark.parametrize("key", [RSA, EC], ids=["RS256", "ES256"])
async def test_a_good_token_makes_an_actor(issuer: TestIssuer, key: RSAKey | ECKey) -> None:
    """Who it is, in which role, for which organisation, with which scopes."""
    actor = await issuer.verifier().actor("Bearer " + issuer.token(key=key))
    assert actor.kind is ActorKind.PROFESSIONAL
    assert (actor.subject, actor.name) == (f"{URL}|555000000100", "Ann Lee")
    assert (actor.role, actor.role_name) == ("R8000", "Clinical Practitioner Access Role")
    assert (actor.organisation, actor.scopes) == (OdsCode("A81001"), frozenset({"user/*.rs"}))


def _hmac_with_public_key(issuer: TestIssuer) -> str:
    secret = RSA.as_pem(private=False)
    return resigned(
        issuer.token(key=RSA),
        {"alg": "HS256", "typ": "at+jwt", "kid": "rsa-1"},
        None,
        lambda text: hmac.digest(secret, text, hashlib.sha256),
    )


def _unsigned(spelling: str) -> Callable[[TestIssuer], str]:
    return lambda issuer: resigned(
        issuer.token(), {"alg": spelling, "typ": "at+jwt", "kid": "ec-1"}, None, lambda _: b""
    )


def _with_payload(change: Callable[[Claims], None]) -> Callable[[TestIssuer], str]:
    """The signature of a good token under other claims."""

    def make(issuer: TestIssuer) -> str:
        claims = issuer.claims()
        change(claims)
        header, _, signature = issuer.token().split(".")
        return f"{header}.{b64(orjson.dumps(claims))}.{signature}"

    return make


def _part(which: int, text: str) -> Callable[[TestIssuer], str]:
    def make(issuer: TestIssuer) -> str:
        parts = issuer.token().split(".")
        parts[which] = text
        return ".".join(parts)

    return make


def _header(changes: Claims) -> Callable[[TestIssuer], str]:
    """A header that somebody else wrote: refused before any signature is looked at."""
    return lambda issuer: resigned(
        issuer.token(), {"alg": "ES256", "typ": "at+jwt", "kid": "ec-1"} | changes, None, lambda _: b"x" * 64
    )


ATTACKS: list[tuple[str, Callable[[TestIssuer], str], str]] = [
    ("no signature", _unsigned("none"), "bad-algorithm"),
    ("no signature, spelt otherwise", _unsigned("nOnE"), "bad-algorithm"),
    ("no algorithm", _unsigned(""), "bad-algorithm"),
    ("the public key as a shared secret", _hmac_with_public_key, "bad-algorithm"),
    ("an algorithm that is not the issuer's", lambda i: i.token({"alg": "RS512"}, key=RSA), "bad-algorithm"),
    ("another issuer", lambda i: i.token(iss="https://evil.example"), "unknown-issuer"),
    ("the issuer with a slash", lambda i: i.token(iss=URL + "/"), "unknown-issuer"),
    ("the issuer in capitals", lambda i: i.token(iss=URL.upper()), "unknown-issuer"),
    ("another audience", lambda i: i.token(aud="https://evil.example"), "bad-audience"),
    ("a longer audience", lambda i: i.token(aud=AUDIENCE + "/x"), "bad-audience"),
    ("no audience of several", lambda i: i.token(aud=["a", "b"]), "bad-audience"),
    ("no audience", lambda i: i.token(aud=None), "bad-token"),
    ("expired", lambda i: i.token(exp=time.time() - 60), "expired"),
    ("no expiry", lambda i: i.token(exp=None), "bad-token"),
    ("an expiry in words", lambda i: i.token(exp="tomorrow"), "bad-token"),
    ("not yet", lambda i: i.token(nbf=time.time() + 120), "not-yet-valid"),
    ("issued in the future", lambda i: i.token(iat=time.time() + 120), "not-yet-valid"),
    ("another's key", lambda i: i.token(key=OTHER), "bad-signature"),
    ("a key that is not known", lambda i: i.token({"kid": "nobody"}), "unknown-key"),
    ("a key of the other kind", lambda i: i.token({"kid": "rsa-1"}), "wrong-key"),
    ("other claims", _with_payload(lambda c: c.update(sub="evil")), "bad-signature"),
    ("another role", _with_payload(lambda c: c.update(nhsid_nrbac_roles=[role("R0260")])), "bad-signature"),
    ("a critical extension", lambda i: resigned(
        i.token(), {"alg": "ES256", "kid": "ec-1", "crit": ["exp"], "exp": 1}, None, lambda _: b"x" * 64
    ), "bad-header"),
    ("an ID token", lambda i: i.token({"typ": "id+jwt"}), "wrong-kind"),
    ("a logout token", lambda i: i.token({"typ": "logout+jwt"}), "wrong-kind"),
    ("no dots", lambda _: "abc", "bad-token"),
    ("two parts", lambda i: i.token().rpartition(".")[0], "bad-token"),
    ("four parts", lambda i: i.token() + ".x", "bad-token"),
    ("five parts, encrypted", lambda i: i.token() + ".x.y", "bad-token"),
    ("a header that is no base64", _part(0, "!!!"), "bad-token"),
    ("a header of a wrong length", _part(0, "abcde"), "bad-token"),
    ("claims that are no base64", _part(1, "%%%%"), "bad-token"),
    ("claims that are no JSON", _part(1, b64(b"{")), "bad-token"),
    ("claims that are a list", _part(1, b64(b"[]")), "bad-token"),
    ("claims that are no text", _part(1, b64(b'{"iss":"\xff"}')), "bad-token"),
    ("a signature that is no base64", _part(2, "%%%%"), "bad-token"),
    ("an empty signature", _part(2, ""), "bad-signature"),
    ("the same key twice in the header", _part(0, b64(
        b'{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"ec-1"}'
    )), "bad-token"),
    ("no subject", lambda i: i.token(sub=""), "bad-token"),
    ("a subject of 256 characters", lambda i: i.token(sub="x" * 256), "bad-token"),
    ("a NUL in a name", lambda i: i.token(name="x\0"), "bad-token"),
    ("a key that it is bound to", lambda i: i.token(cnf={"jkt": "x"}), "bound"),
    ("a time that is true", lambda i: i.token(exp=True), "bad-token"),
    ("good for ever", lambda i: i.token(exp=4e9), "too-long"),
    ("good for long, since when unsaid", lambda i: i.token(iat=None, exp=time.time() + 90_000), "too-long"),
    ("no key id", lambda i: i.token({"kid": None}), "no-key-id"),
    ("an empty key id", lambda i: i.token({"kid": ""}), "no-key-id"),
    ("a key id that is a path", lambda i: i.token({"kid": "../../ec-1"}), "unknown-key"),
    ("the critical extension of nothing", _header({"crit": []}), "bad-header"),
    ("an unencoded payload, critical", _header({"b64": False, "crit": ["b64"]}), "bad-header"),
    ("an unencoded payload", _header({"b64": False}), "bad-header"),
    ("a compressed payload", _header({"zip": "DEF"}), "bad-header"),
    ("a token within a token", _header({"cty": "JWT"}), "bad-header"),
    ("a kind of nobody's", _header({"typ": "dpop+jwt"}), "wrong-kind"),
    ("a client's assertion", _header({"typ": "client-authentication+jwt"}), "wrong-kind"),
    ("what told of a sign-in", lambda i: i.token({"typ": "JWT"}, nonce="n"), "wrong-kind"),
    ("what told of a token", lambda i: i.token({"typ": "JWT"}, at_hash="n"), "wrong-kind"),
    ("what told of a sign-out", lambda i: i.token({"typ": "JWT"}, events={}), "wrong-kind"),
    ("an issuer twice", _part(1, b64(
        b'{"iss":"https://evil.example","iss":"https://issuer.example","sub":"x","aud":"a","exp":1}'
    )), "bad-token"),
    ("an inner name twice", _part(1, b64(
        b'{"iss":"https://issuer.example","sub":"x","aud":"a","exp":1,"act":{"sub":"a","sub":"b"}}'
    )), "bad-token"),
    ("claims without a bottom", _part(1, b64(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}")), "bad-token"),
    ("a header without a bottom", _part(0, b64(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}")), "bad-token"),
    ("an expiry that is not a number", _part(1, b64(
        b'{"iss":"https://issuer.example","sub":"x","aud":"a","exp":NaN}'
    )), "bad-token"),
    ("an expiry beyond all numbers", _part(1, b64(
        b'{"iss":"https://issuer.example","sub":"x","aud":"a","exp":1e999}'
    )), "bad-token"),
    ("two tokens", lambda i: f"{i.token()}, Bearer {i.token()}", "bad-token"),
    ("a space before it", lambda i: f" {i.token()}", "bad-token"),
    ("a line after it", lambda i: f"{i.token()}\n", "bad-token"),
    ("too long", lambda i: i.token(filler="x" * 20_000), "token-too-large"),
    ("an organisation that is none", lambda i: i.token(
        nhsid_nrbac_roles=[role(organisation="evil; drop")]
    ), "bad-token"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "code"), [pytest.param(make, code, id=name) for name, make, code in ATTACKS]
)
async def test_a_token_that_is_not_right_is_refused(
    issuer: TestIssuer, make: Callable[[TestIssuer], str], code: str
) -> None:
    """Every way in which a token can be wrong has its code, and no error quotes the token."""
    verifier = issuer.verifier()
    assert await refusal(verifier, f"Bearer {make(issuer)}") == code
    assert all(url.startswith(f"{URL}/") for url in issuer.asked)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic abc", "abc", "DPoP abc", "Bearer\tabc"]
)
async def test_without_a_bearer_token_nothing_is_asked(issuer: TestIssuer, header: str | None) -> None:
    """No header, an empty one and another scheme are refused at once."""
    assert await refusal(issuer.verifier(), header) == "no-token"
    assert issuer.asked == []


async def test_an_unknown_issuer_is_never_called(issuer: TestIssuer) -> None:
    """A token cannot make this server fetch anything from an address that it names."""
    await refusal(issuer.verifier(), issuer.bearer(iss="https://evil.example"))
    assert issuer.asked == []


@pytest.mark.parametrize("name", ["jku", "x5u"])
async def test_keys_at_an_address_in_the_token_are_never_fetched(issuer: TestIssuer, name: str) -> None:
    """``jku`` and ``x5u`` are not followed: keys come from the issuer's own discovery document."""
    token = issuer.token({name: "https://evil.example/keys", "jwk": None}, key=OTHER)
    assert await refusal(issuer.verifier(), f"Bearer {token}") == "bad-signature"
    assert issuer.asked == [f"{URL}/.well-known/openid-configuration", f"{URL}/jwks"]


async def test_a_key_in_the_token_is_not_used(issuer: TestIssuer) -> None:
    """A public key that the token brings along proves nothing."""
    brought = OTHER.as_dict(private=False)
    signed = resigned(
        issuer.token(key=OTHER),
        {"alg": "ES256", "typ": "at+jwt", "kid": "ec-1", "jwk": brought},
        None,
        lambda _: b"x" * 64,
    )
    assert await refusal(issuer.verifier(), f"Bearer {signed}") == "bad-signature"


async def test_the_scheme_may_be_written_in_any_case(issuer: TestIssuer) -> None:
    """RFC 9110, 11.1: the name of a scheme has no case."""
    assert (await issuer.verifier().actor("bEARER " + issuer.token())).name == "Ann Lee"


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt", "jwt", None])
async def test_the_kind_is_compared_as_its_specification_says(issuer: TestIssuer, kind: str | None) -> None:
    """In any case, and with ``application/`` or without (RFC 7515, 4.1.9); none at all is a JWT."""
    assert (await issuer.verifier().actor("Bearer " + issuer.token({"typ": kind}))).name == "Ann Lee"


async def test_an_issuer_may_be_held_to_access_tokens(issuer: TestIssuer) -> None:
    """With ``types`` narrowed, a token that does not say that it is one for access is none."""
    trusted = issuer.settings().model_copy(update={"types": ("at+jwt",)})
    client = httpx.AsyncClient(transport=httpx.MockTransport(issuer.respond))
    verifier = TokenVerifier([trusted], client)
    assert (await verifier.actor(issuer.bearer())).name == "Ann Lee"
    for kind in ("JWT", None):
        assert await refusal(verifier, "Bearer " + issuer.token({"typ": kind})) == "wrong-kind"


async def test_a_key_counts_for_its_own_issuer_alone() -> None:
    """Another trusted issuer's key, under the same id or its own, proves nothing here."""
    one, two = TestIssuer(EC), TestIssuer(OTHER, url="https://two.example")

    def respond(request: httpx.Request) -> httpx.Response:
        return (one if request.url.host == "issuer.example" else two).respond(request)

    client = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    verifier = TokenVerifier([one.settings(), two.settings()], client)
    assert (await verifier.actor(two.bearer())).subject.startswith("https://two.example|")
    assert await refusal(verifier, "Bearer " + one.token(key=OTHER)) == "bad-signature"
    assert await refusal(verifier, "Bearer " + two.token(key=EC)) == "bad-signature"
    third = ECKey.generate_key("P-256", {"kid": "of-two"})
    two.published.append(third)
    assert await refusal(verifier, "Bearer " + one.token(key=third)) == "unknown-key"


PUBLISHED: list[tuple[str, Claims, str]] = [
    ("to encrypt with", {"use": "enc"}, "unknown-key"),
    ("to sign with", {"key_ops": ["sign"]}, "unknown-key"),
    ("operations that are no list", {"key_ops": "verify"}, "unknown-key"),
    ("for another algorithm", {"alg": "ES384"}, "wrong-key"),
    ("with its private part", {"d": "AQAB"}, "unknown-key"),
    ("a shared secret", {"kty": "oct", "k": "AQAB"}, "unknown-key"),
    ("of a kind that nobody knows", {"kty": "AKP"}, "unknown-key"),
    ("not on its curve", {"x": "AQAB"}, "unknown-key"),
    ("without an id", {"kid": None}, "unknown-key"),
]


@pytest.mark.parametrize(
    ("changes", "code"), [pytest.param(changes, code, id=name) for name, changes, code in PUBLISHED]
)
async def test_a_published_key_that_may_not_check_signatures_does_not(changes: Claims, code: str) -> None:
    """What a key is for is asked; and one that cannot be used does not take the others along."""
    issuer = TestIssuer(EC)
    other = ECKey.generate_key("P-256", {"kid": "ec-2"})
    bad = {
        name: value for name, value in {**EC.as_dict(private=False), **changes}.items() if value is not None
    }

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/jwks":
            return httpx.Response(200, json={"keys": [bad, other.as_dict(private=False)]})
        return issuer.respond(request)

    verifier = TokenVerifier([issuer.settings()], httpx.AsyncClient(transport=httpx.MockTransport(respond)))
    assert await refusal(verifier, issuer.bearer()) == code
    assert (await verifier.actor("Bearer " + issuer.token(key=other))).name == "Ann Lee"


async def test_a_key_that_is_too_short_is_none() -> None:
    """RSA of fewer than 2048 bits can be broken."""
    short = crypto_rsa.generate_private_key(public_exponent=65537, key_size=1024)
    pem = short.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        key = RSAKey.import_key(pem, {"kid": "short"})
    issuer = TestIssuer(EC)
    issuer.published = [EC, key]
    token = resigned(
        issuer.token(),
        {"alg": "RS256", "typ": "at+jwt", "kid": "short"},
        None,
        lambda text: short.sign(text, PKCS1v15(), SHA256()),
    )
    assert await refusal(issuer.verifier(), f"Bearer {token}") == "unknown-key"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"keys":{}}', b'{"keys":["x"]}', b'{"keys":[' * 5000])
async def test_a_key_set_that_is_none_makes_the_issuer_unavailable(issuer: TestIssuer, body: bytes) -> None:
    """Whatever stands there, the answer is that keys cannot be had now."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/jwks":
            return httpx.Response(200, content=body, headers={"content-type": "application/json"})
        return issuer.respond(request)

    verifier = TokenVerifier([issuer.settings()], httpx.AsyncClient(transport=httpx.MockTransport(respond)))
    with pytest.raises(Unavailable):
        await verifier.actor(issuer.bearer())


async def test_two_keys_of_one_id_are_no_key_unless_one_alone_fits(issuer: TestIssuer) -> None:
    """The same id for keys of two kinds is told by the algorithm; for two of a kind it is not."""
    twin = RSAKey.import_key({**RSA.as_dict(private=False), "kid": "ec-1"})
    issuer.published = [EC, twin]
    assert (await issuer.verifier().actor(issuer.bearer())).name == "Ann Lee"
    issuer.published = [EC, OTHER]
    assert await refusal(issuer.verifier(), issuer.bearer()) == "wrong-key"


@pytest.mark.parametrize("curve", ["P-384", "P-521"])
async def test_an_algorithm_takes_a_key_of_its_own_curve(issuer: TestIssuer, curve: str) -> None:
    """ES256 with a key of a longer curve is nothing that anybody signs."""
    key = ECKey.generate_key(curve, {"kid": "long"})
    issuer.published = [key]
    token = resigned(
        issuer.token(), {"alg": "ES256", "typ": "at+jwt", "kid": "long"}, None, lambda _: b"x" * 64
    )
    assert await refusal(issuer.verifier(), f"Bearer {token}") == "wrong-key"


@pytest.mark.parametrize("name", ["EdDSA", "Ed25519"])
async def test_both_names_of_the_edwards_curve_are_known(issuer: TestIssuer, name: Algorithm) -> None:
    """RFC 9864 gave it a new name, and issuers sign with either."""
    key = OKPKey.generate_key("Ed25519", {"kid": "ed-1"})
    claims, header = b64(orjson.dumps(issuer.claims())), b64(orjson.dumps({"alg": name, "kid": "ed-1"}))
    text = f"{header}.{claims}"
    token = f"{text}.{b64(key.private_key.sign(text.encode()))}"  # type: ignore[union-attr]

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/jwks":
            return httpx.Response(200, json={"keys": [key.as_dict(private=False)]})
        return issuer.respond(request)

    client = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    assert (await TokenVerifier([issuer.settings(name)], client).actor(f"Bearer {token}")).name == "Ann Lee"


async def test_keys_in_the_clear_are_not_fetched_for_an_issuer_over_tls(issuer: TestIssuer) -> None:
    """An https issuer whose key set is at an http address has none."""
    asked: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"issuer": URL, "jwks_uri": "http://issuer.example/jwks"})

    client = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    with pytest.raises(Unavailable):
        await TokenVerifier([issuer.settings()], client).actor(issuer.bearer())
    assert len(asked) == 1


async def test_an_unknown_key_of_an_issuer_that_is_down_may_be_a_new_one(issuer: TestIssuer) -> None:
    """Nobody can tell, so the answer is to try again; a known one goes on."""
    clock = Clock()
    verifier = issuer.verifier(clock=clock)
    await verifier.actor(issuer.bearer())
    issuer.down = True
    clock.now += 60
    for _ in range(2):
        with pytest.raises(Unavailable):
            await verifier.actor("Bearer " + issuer.token({"kid": "new"}))
    assert (await verifier.actor(issuer.bearer())).name == "Ann Lee"


async def test_a_token_that_counts_once_counts_once(issuer: TestIssuer) -> None:
    """By its id, which it needs; and nothing is spent by a token that is refused anyway."""
    seen: dict[tuple[str, str], float] = {}

    async def spend(url: str, jti: str, until: float) -> bool:
        fresh = (url, jti) not in seen
        seen[(url, jti)] = until
        return fresh

    trusted = issuer.settings().model_copy(update={"one_time": True})
    client = httpx.AsyncClient(transport=httpx.MockTransport(issuer.respond))
    verifier = TokenVerifier([trusted], client, spend=spend)
    assert await refusal(verifier, issuer.bearer(jti="a", aud="elsewhere")) == "bad-audience"
    assert seen == {}
    expiry = time.time() + 60
    assert (await verifier.actor(issuer.bearer(jti="a", exp=expiry))).name == "Ann Lee"
    assert await refusal(verifier, issuer.bearer(jti="a")) == "used-before"
    assert (await verifier.actor(issuer.bearer(jti="b"))).name == "Ann Lee"
    assert await refusal(verifier, issuer.bearer()) == "bad-token"
    assert seen[(URL, "b")] >= expiry
    with pytest.raises(Invalid):
        TokenVerifier([trusted], client)


async def test_the_algorithms_are_those_of_the_issuer_alone(issuer: TestIssuer) -> None:
    """A key set may hold keys for algorithms that this deployment does not let the issuer use."""
    verifier = issuer.verifier("RS256")
    assert await refusal(verifier, "Bearer " + issuer.token(key=EC)) == "bad-algorithm"
    assert (await verifier.actor("Bearer " + issuer.token(key=RSA))).name == "Ann Lee"


async def test_a_discovery_document_of_another_issuer_is_not_believed(issuer: TestIssuer) -> None:
    """Its ``issuer`` must be the one that it was fetched from (OpenID Connect Discovery, 4.3)."""
    issuer.says_it_is = "https://other.example"
    with pytest.raises(Unavailable):
        await issuer.verifier().actor(issuer.bearer())
    assert issuer.asked == [f"{URL}/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'"x"', b"{}", b'{"issuer":"https://issuer.example"}', b"<html>", b"\xff\xfe"]
)
async def test_a_discovery_document_that_is_none_makes_the_issuer_unavailable(body: bytes) -> None:
    """Whatever stands there, the answer is that keys cannot be had now."""
    issuer = TestIssuer(EC)
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))
    with pytest.raises(Unavailable):
        await TokenVerifier([issuer.settings()], client).actor(issuer.bearer())


async def test_keys_are_fetched_once_and_kept(issuer: TestIssuer) -> None:
    """Many tokens, also at once, cost one look at the issuer."""
    verifier = issuer.verifier()
    await asyncio.gather(*(verifier.actor(issuer.bearer()) for _ in range(20)))
    assert len(issuer.asked) == 2


async def test_a_new_key_is_taken_up_at_once_and_looks_are_throttled(issuer: TestIssuer) -> None:
    """A key id that is not known makes one new look; a flood of unknown ones makes no flood of looks."""
    clock = Clock()
    verifier = issuer.verifier(clock=clock)
    await verifier.actor(issuer.bearer())
    new = ECKey.generate_key("P-256", {"kid": "ec-2"})
    issuer.published = [new]
    clock.now += 60
    assert (await verifier.actor("Bearer " + issuer.token(key=new))).name == "Ann Lee"
    assert len(issuer.asked) == 4
    assert await refusal(verifier, issuer.bearer()) == "unknown-key"  # the old key is gone
    for serial in range(20):
        await refusal(verifier, "Bearer " + issuer.token({"kid": f"unknown-{serial}"}))
    assert len(issuer.asked) == 4
    clock.now += 6
    await refusal(verifier, "Bearer " + issuer.token({"kid": "unknown"}))
    assert len(issuer.asked) == 6


async def test_a_token_that_was_read_before_is_asked_everything_else_again(issuer: TestIssuer) -> None:
    """What it says stays known by its very bytes: not that it is good still, nor anything of a forged one."""
    clock = Clock()
    verifier = issuer.verifier(clock=clock)
    sent, longer = issuer.bearer(exp=clock.now + 100), issuer.bearer(exp=clock.now + 250)
    for bearer in (sent, longer, sent, longer):
        assert (await verifier.actor(bearer)).name == "Ann Lee"
    forged = longer[:-8] + ("A" * 8 if not longer.endswith("A" * 8) else "B" * 8)
    assert [await refusal(verifier, forged) for _ in range(2)] == ["bad-signature"] * 2
    clock.now += 131
    assert await refusal(verifier, sent) == "expired"
    issuer.published = [RSA]
    await refusal(verifier, "Bearer " + issuer.token({"kid": "unknown"}))  # and so the keys are looked at
    assert await refusal(verifier, longer) == "unknown-key"


async def test_an_issuer_that_is_down_stops_nobody_for_a_while(issuer: TestIssuer) -> None:
    """Known keys go on counting for the time of grace; after it the answer is 503, and then it recovers."""
    clock = Clock()
    verifier = issuer.verifier(clock=clock)
    await verifier.actor(issuer.bearer())
    issuer.down = True
    clock.now += FRESH_SECONDS + 1
    assert (await verifier.actor(issuer.bearer(exp=clock.now + 60))).name == "Ann Lee"
    clock.now += issuer.settings().grace_seconds
    with pytest.raises(Unavailable):
        await verifier.actor(issuer.bearer(exp=clock.now + 60))
    issuer.down = False
    clock.now += 6
    assert (await verifier.actor(issuer.bearer(exp=clock.now + 60))).name == "Ann Lee"


async def test_nobody_whose_key_is_known_waits_for_a_look_after_another(issuer: TestIssuer) -> None:
    """While the issuer hangs over an unknown key id, those with a known one go through."""
    clock, hang = Clock(), asyncio.Event()

    async def respond(request: httpx.Request) -> httpx.Response:
        if issuer.down:
            await hang.wait()
        return issuer.respond(request)

    client = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    verifier = TokenVerifier([issuer.settings()], client, clock)
    await verifier.actor(issuer.bearer())
    issuer.down = True
    clock.now += 60
    stuck = asyncio.create_task(verifier.actor("Bearer " + issuer.token({"kid": "unknown"})))
    await asyncio.sleep(0)
    async with asyncio.timeout(LONG):
        await verifier.actor(issuer.bearer())
    assert not stuck.done()
    hang.set()
    with pytest.raises(Unavailable):
        await stuck


async def test_the_selected_role_counts_and_never_the_union(issuer: TestIssuer) -> None:
    """Of several roles the actor has the one that was selected, and without a selection none."""
    roles = [role("R8009", "RXX", "1"), role("R8000", "A81001", "2"), role("R5105", "QWE", "3")]
    verifier = issuer.verifier()
    for selected, code, organisation in (("1", "R8009", "RXX"), ("2", "R8000", "A81001")):
        actor = await verifier.actor(issuer.bearer(nhsid_nrbac_roles=roles, selected_roleid=selected))
        assert (actor.role, actor.organisation) == (code, OdsCode(organisation))
    for unknown in ("4", "", None):
        actor = await verifier.actor(issuer.bearer(nhsid_nrbac_roles=roles, selected_roleid=unknown))
        assert (actor.role, actor.organisation) == (None, None)


async def test_a_token_without_a_member_of_staff_is_a_system(issuer: TestIssuer) -> None:
    """Who has no user id is no professional, whatever roles the token lists."""
    actor = await issuer.verifier().actor(issuer.bearer(nhsid_useruid=None, client_id="feeder"))
    assert (actor.kind, actor.client) == (ActorKind.SYSTEM, "feeder")


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_change_to_a_signed_token_is_let_through(issuer: TestIssuer, data: st.DataObject) -> None:
    """One character of header or claims exchanged, put in or taken out: refused, and never a fault."""
    signed, _, signature = issuer.token().rpartition(".")
    at = data.draw(st.integers(0, len(signed) - 1))
    letter = data.draw(st.sampled_from("AZaz09-_.=!é \x00"))
    instead = data.draw(st.sampled_from([letter, letter + signed[at], ""]))
    changed = signed[:at] + instead + signed[at + 1 :]
    assume(changed != signed)
    with pytest.raises(Unauthenticated):
        asyncio.run(issuer.verifier().actor(f"Bearer {changed}.{signature}"))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8) | st.sampled_from(
        ["R8000", "A81001", "S8000:G8000:R8000", "1", URL, AUDIENCE, "9995100002", "P9", "user/*.rs"]
    ) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["person_roleid", "org_code", "role_code", "sub", "act", "x"]), inner, max_size=4
    ),
    max_leaves=8,
)  # fmt: skip
_CLAIM = st.sampled_from(
    ["sub", "aud", "exp", "nbf", "iat", "jti", "scope", "name", "client_id", "nhsid_useruid",
     "selected_roleid", "nhsid_nrbac_roles", "organisation_name", "organisation_code",
     "authentication_assurance_level", "act",
     "nhs_number", "identity_proofing_level", "vot", "nonce", "events", "x"]
)  # fmt: skip


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(claims=st.dictionaries(_CLAIM, _JSON, max_size=4), people=st.sampled_from(["staff", "citizens"]))
def test_whatever_an_issuer_signs_is_an_actor_or_a_refusal(
    issuer: TestIssuer, claims: Claims, people: str
) -> None:
    """Never a fault: also an issuer that is trusted may write nonsense. What is let in is in its time."""
    trusted = issuer.settings().model_copy(update={"people": people})
    client = httpx.AsyncClient(transport=httpx.MockTransport(issuer.respond))
    made = issuer.claims() | claims
    token = resigned(issuer.token(), {"alg": "ES256", "kid": "ec-1"}, orjson.dumps(_within(made)), _sign)
    try:
        actor = asyncio.run(TokenVerifier([trusted], client).actor(f"Bearer {token}"))
    except Unauthenticated:
        return
    assert isinstance(made["exp"], int | float)
    assert made["exp"] > time.time() - 60
    assert AUDIENCE in (made["aud"] if isinstance(made["aud"], list) else [made["aud"]])
    assert actor.subject.startswith(f"{URL}|")
    assert (actor.kind in {ActorKind.CITIZEN, ActorKind.CARER}) == (people == "citizens")


def _within(value: object) -> object:
    """Numbers as JSON writers write them: orjson has none beyond 64 bits."""
    if isinstance(value, dict):
        return {name: _within(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_within(each) for each in value]
    return float(value) if isinstance(value, int) and abs(value) >= 2**63 else value


def _sign(text: bytes) -> bytes:
    """The signature of ES256 (RFC 7518, 3.4), made by hand: two numbers of 32 bytes."""
    der = EC.private_key.sign(text, ECDSA(SHA256()))  # type: ignore[union-attr]
    one, two = decode_dss_signature(der)
    return one.to_bytes(32, "big") + two.to_bytes(32, "big")
