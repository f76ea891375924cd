"""Access to the NHS England API platform: signed-JWT client credentials.

https://digital.nhs.uk/developer/guides-and-documentation/security-and-authorisation/application-restricted-restful-apis-signed-jwt-authentication
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from scr.errors import Invalid
from scr.sources.access import AccessTokens as AccessTokens
from scr.sources.access import form

_ASSERTION_SECONDS = 240
"""The platform takes five minutes at most; the rest is for clocks that differ."""


@dataclass(frozen=True, slots=True)
class Application:
    """We, as the platform knows us. ``private_key`` gives the PEM, read anew for each assertion."""

    token_url: str
    client_id: str
    key_id: str
    private_key: Callable[[], bytes] = field(repr=False)

    @property
    def remedy(self) -> str:
        """The settings to look at where no token is given."""
        return "check `pds_client_id`, `pds_key` and `pds_key_id`"

    async def request(self, client: httpx.AsyncClient, now: float, _deadline: float) -> httpx.Request:
        """The call for a token. Raises Invalid."""
        return client.build_request(
            "POST", self.token_url, data=form(self.assertion(now)), headers={"Accept": "application/json"}
        )

    def assertion(self, now: float) -> str:
        """A signed assertion that is good for some minutes and for one use. Raises Invalid."""
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.token_url,
            "jti": str(uuid.uuid4()),
            "iat": int(now),
            "exp": int(now) + _ASSERTION_SECONDS,
        }
        try:
            key = RSAKey.import_key(self.private_key())
            return jwt.encode(
                {"alg": "RS512", "typ": "JWT", "kid": self.key_id}, claims, key, algorithms=["RS512"]
            )
        except (JoseError, ValueError):
            raise Invalid(
                "the private key for PDS (`pds_key`) is not an RSA key in PEM", code="bad-key"
            ) from None
