"""We as a client of another FHIR server: SMART backend services.

https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html. Our key is a reference: a private JSON Web
Key Set, whose first key signs, such as our own signing keys, or one key in PEM. It is read anew for each
signature, so that a changed one is taken up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from scr.errors import Invalid
from scr.mapping.provider import BackendServices
from scr.sources.access import form
from scr.sources.http import SourceFailure, fetch, origin
from scr.store.keys import random_id

_ASSERTION_SECONDS = 240
_MAX_BYTES = 256 * 1024
_LEAST_RSA_BITS = 2048


class _Smart(msgspec.Struct):
    token_endpoint: str


class _Set(msgspec.Struct):
    keys: list[dict[str, str | list[str]]]


@dataclass(frozen=True, slots=True)
class Signer:
    """What signs as we. ``read`` gives the private key; ``key_id`` is its ``kid``, where it names none."""

    read: Callable[[], bytes] = field(repr=False)
    key_id: str = ""

    def sign(self, claims: Mapping[str, object], kind: str = "JWT") -> str:
        """A JWT of this ``typ``, by ES384 or RS384. Raises Invalid where the key is none for these."""
        key, key_id = self._key()
        algorithm = _algorithm(key)
        header = {"alg": algorithm, "typ": kind, "kid": key_id}
        return jwt.encode(header, dict(claims), key, algorithms=[algorithm])

    def _key(self) -> tuple[ECKey | RSAKey, str]:
        try:
            key = _read(self.read())
        except (JoseError, msgspec.DecodeError, ValueError, TypeError, KeyError, IndexError):
            raise _bad() from None
        key_id = self.key_id or key.kid
        if not key.is_private or not key_id:
            raise _bad()
        return key, key_id


def _read(content: bytes) -> ECKey | RSAKey:
    if content.lstrip().startswith(b"{"):
        key = JWKRegistry.import_key({**msgspec.json.decode(content, type=_Set).keys[0]})
        if not isinstance(key, ECKey | RSAKey):
            raise ValueError("neither RSA nor EC")
        return key
    try:
        return ECKey.import_key(content)
    except (JoseError, ValueError, TypeError):
        return RSAKey.import_key(content)


def _algorithm(key: ECKey | RSAKey) -> str:
    if isinstance(key, RSAKey):
        if key.raw_value.key_size >= _LEAST_RSA_BITS:
            return "RS384"
    elif key.curve_name == "P-384":
        return "ES384"
    raise _bad()


def _bad() -> Invalid:
    return Invalid(
        "the key of `backend_services` is a JSON Web Key Set or a PEM with a private key, EC P-384 or RSA of "
        "2048 bits and more, and has an id (`kid`, or `key_id` in the provider's file)",
        code="bad-key",
    )


@dataclass(slots=True)
class BackendClient:
    """We, as one server knows us. ``base`` is its FHIR base, below which it tells where its tokens are."""

    base: str
    known_as: BackendServices
    signer: Signer
    _found: str = ""

    @property
    def remedy(self) -> str:
        """What to look at where no token is given."""
        return "is our client registered there, with our public key and the `scopes` of the provider's file?"

    async def request(self, client: httpx.AsyncClient, now: float, deadline: float) -> httpx.Request:
        """The call for a token. Raises SourceFailure, Invalid."""
        address = self.known_as.token_url or await self._discovered(client, deadline)
        name = self.known_as.client_id
        claims = {
            "iss": name,
            "sub": name,
            "aud": address,
            "jti": random_id(),
            "iat": int(now),
            "exp": int(now) + _ASSERTION_SECONDS,
        }
        content = form(self.signer.sign(claims), scope=" ".join(self.known_as.scopes))
        return client.build_request("POST", address, data=content, headers={"Accept": "application/json"})

    async def _discovered(self, client: httpx.AsyncClient, deadline: float) -> str:
        """The token endpoint, as the server's own document names it; asked for once."""
        if self._found:
            return self._found
        request = client.build_request(
            "GET", f"{self.base}/.well-known/smart-configuration", headers={"Accept": "application/json"}
        )
        fetched = await fetch(client, request, max_bytes=_MAX_BYTES, deadline=deadline)
        place = origin(request.url)
        try:
            if fetched.status != 200:
                raise ValueError("it has no such document")
            address = msgspec.json.decode(fetched.body, type=_Smart).token_endpoint
            url = httpx.URL(address)
            # An assertion that went in the clear could be anybody's.
            if url.scheme != "https" and (url.scheme, request.url.scheme) != ("http", "http"):
                raise ValueError("in the clear")
        except (msgspec.DecodeError, httpx.InvalidURL, ValueError, RecursionError):
            raise SourceFailure(
                f"{place}: it does not say where its tokens are; name its `token_url` in the provider's file",
                code="no-token-url",
            ) from None
        self._found = address
        return address
