"""We as a client of another server: which keys sign, where tokens are asked for, and how long one is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from scr.errors import Invalid
from scr.mapping.provider import BackendServices
from scr.sources.access import AccessTokens
from scr.sources.backend_services import BackendClient, Signer
from scr.sources.http import SourceFailure, open_client

EC = ECKey.generate_key("P-384", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
BASE = "https://other.test/fhir"
TOKENS = "https://other.test/tokens"


def set_of(*keys: ECKey | RSAKey) -> bytes:
    """A private key set."""
    return msgspec.json.encode({"keys": [key.as_dict(private=True) for key in keys]})


@pytest.mark.parametrize(
    ("content", "key_id", "key", "algorithm", "kid"),
    [
        (set_of(EC, RSA), "", EC, "ES384", "ec"),
        (set_of(RSA), "other", RSA, "RS384", "other"),
        (EC.as_pem(private=True), "k", EC, "ES384", "k"),
        (RSA.as_pem(private=True), "k", RSA, "RS384", "k"),
    ],
    ids=["ec-set", "rsa-set", "ec-pem", "rsa-pem"],
)
def test_a_key_signs_by_its_own_algorithm(
    content: bytes, key_id: str, key: ECKey | RSAKey, algorithm: str, kid: str
) -> None:
    """The first of a set, or one in PEM; the header names it."""
    made = jwt.decode(Signer(lambda: content, key_id).sign({"a": 1}, "x+jwt"), key, algorithms=[algorithm])
    assert (made.header, made.claims) == ({"alg": algorithm, "typ": "x+jwt", "kid": kid}, {"a": 1})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"keys":[]}',
        msgspec.json.encode({"keys": [EC.as_dict(private=False)]}),
        set_of(ECKey.generate_key("P-256", {"kid": "p"})),
        EC.as_pem(private=True),
    ],
    ids=["nothing", "no-set", "empty-set", "public", "p-256", "nameless"],
)
def test_what_is_no_such_key_is_told_at_once(content: bytes) -> None:
    """Without a word of what it holds."""
    with pytest.raises(Invalid, match="P-384") as told:
        Signer(lambda: content).sign({})
    assert told.value.code == "bad-key"


@dataclass
class Other:
    """A server that gives tokens for five minutes."""

    now: float = 1_000_000.0
    named: object = field(default_factory=lambda: {"token_endpoint": TOKENS})
    asked: list[str] = field(default_factory=list)
    assertions: list[dict[str, object]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Its document, or a token."""
        self.asked.append(f"{request.method} {request.url.path}")
        if request.method == "GET":
            return httpx.Response(200, json=self.named)
        form = httpx.QueryParams(request.content.decode())
        claims = jwt.decode(form["client_assertion"], EC, algorithms=["ES384"]).claims
        self.assertions.append({"scope": form["scope"], **claims})
        given = {"access_token": f"t{len(self.asked)}", "expires_in": 300, "token_type": "bearer"}
        return httpx.Response(200, json=given)

    def tokens(self, **more: str) -> AccessTokens:
        """Ours there."""
        known_as = BackendServices(client_id="us", key="file:k", scopes=("system/*.rs",), **more)
        client = open_client(httpx.MockTransport(self))
        asker = BackendClient(BASE, known_as, Signer(lambda: set_of(EC)))
        return AccessTokens(client, asker, self.clock)

    @property
    def clock(self) -> Callable[[], float]:
        """Its time, which a test moves."""
        return lambda: self.now


async def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    """Where tokens are is asked once; of many that need one at once, one asks; a refused one is let go of."""
    other = Other()
    tokens, deadline = other.tokens(), asyncio.get_running_loop().time() + 5
    assert set(await asyncio.gather(*(tokens.token(deadline) for _ in range(5)))) == {"t2"}
    other.now += 269
    assert await tokens.token(deadline) == "t2"
    other.now += 2
    assert await tokens.token(deadline) == "t3"
    tokens.forget()
    assert await tokens.token(deadline) == "t4"
    assert other.asked == ["GET /fhir/.well-known/smart-configuration", *["POST /tokens"] * 3]
    for claims in other.assertions:
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("us", "us", TOKENS)
        assert claims["scope"] == "system/*.rs"
    assert len({str(claims["jti"]) for claims in other.assertions}) == 3


@pytest.mark.parametrize(
    "named", [{}, [], {"token_endpoint": "http://other.test/tokens"}, {"token_endpoint": "tokens"}], ids=str
)
async def test_an_address_of_tokens_that_will_not_do_is_not_used(named: object) -> None:
    """Nothing that is signed goes in the clear, or nowhere; a `token_url` of the file needs no document."""
    other, deadline = Other(named=named), asyncio.get_running_loop().time() + 5
    with pytest.raises(SourceFailure) as told:
        await other.tokens().token(deadline)
    assert told.value.code == "no-token-url"
    assert await other.tokens(token_url=TOKENS).token(deadline) == "t2"
