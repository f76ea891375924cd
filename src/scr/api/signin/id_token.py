"""What an upstream signs for us: the ID token of a sign-in, the logout token of a sign-out.

OpenID Connect Core 1.0, 3.1.3.7 and Back-Channel Logout 1.0, 2.6. The first step that fails refuses it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from scr.api.auth.token import LONGEST, Header, check_header, check_signature, read_as
from scr.api.signin.metadata import Directory
from scr.errors import Unauthenticated
from scr.settings import Upstream

_T = TypeVar("_T")

LEEWAY_SECONDS = 30
_FRESH_SECONDS = 600
"""A token that was signed longer ago than this is not about what happens now."""
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


class IdToken(msgspec.Struct, frozen=True):
    """What an ID token says; of CIS2's and NHS login's claims those that are read."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: float
    iat: float
    nonce: str = ""
    azp: str = ""
    at_hash: str = ""
    auth_time: float | None = None
    sid: str = ""
    authentication_assurance_level: str | int = ""
    selected_roleid: str | None = None
    nhs_number: str = ""
    identity_proofing_level: str = ""
    vot: str = ""
    vtm: str = ""


class LogoutToken(msgspec.Struct, frozen=True):
    """Who is signed out there: a session, or somebody in all of theirs."""

    iss: str
    aud: str | list[str]
    iat: float
    jti: str
    events: dict[str, object]
    exp: float | None = None
    sub: str = ""
    sid: str = ""
    nonce: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_ID_TOKEN = msgspec.json.Decoder(IdToken)
_LOGOUT_TOKEN = msgspec.json.Decoder(LogoutToken)


async def read_id_token(
    token: str, directory: Directory, *, nonce: str, access_token: str, now: float
) -> IdToken:
    """What an ID token says, once all of it was checked. Raises Unauthenticated; Unavailable."""
    ours = directory.settings
    header, told = _read(token, _ID_TOKEN)
    await _check_signed(token, header, directory, {"jwt"})
    _check_meant(ours, told.iss, told.aud, told.azp)
    if told.exp <= now - LEEWAY_SECONDS or told.iat <= now - _FRESH_SECONDS:
        raise Unauthenticated("the sign-in took too long: begin again", code="expired")
    if max(told.iat, told.auth_time or 0) > now + LEEWAY_SECONDS:
        raise Unauthenticated("the sign-in is not valid yet: is a clock wrong?", code="not-yet-valid")
    if not nonce or not hmac.compare_digest(told.nonce.encode(), nonce.encode()):
        raise Unauthenticated("the answer is that of another sign-in: begin again", code="bad-nonce")
    if told.at_hash and not _hash_fits(told.at_hash, access_token, header.alg):
        raise Unauthenticated("the tokens of the sign-in do not belong together", code="bad-at-hash")
    if not told.sub:
        raise Unauthenticated("the sign-in names nobody", code="bad-token")
    return told


async def read_logout_token(token: str, directory: Directory, now: float) -> LogoutToken:
    """Whom a logout token names, once all of it was checked. Raises Unauthenticated; Unavailable."""
    header, told = _read(token, _LOGOUT_TOKEN)
    await _check_signed(token, header, directory, {"jwt", "logout+jwt"})
    _check_meant(directory.settings, told.iss, told.aud, "")
    if (told.exp is not None and told.exp <= now - LEEWAY_SECONDS) or told.iat <= now - _FRESH_SECONDS:
        raise Unauthenticated("the logout token has expired", code="expired")
    if told.iat > now + LEEWAY_SECONDS:
        raise Unauthenticated("the logout token is not valid yet", code="not-yet-valid")
    if not isinstance(told.events.get(LOGOUT_EVENT), Mapping) or told.nonce is not msgspec.UNSET:
        raise Unauthenticated("this is a token of another kind than a logout token", code="wrong-kind")
    if not (told.sub or told.sid) or not told.jti:
        raise Unauthenticated("the logout token names nobody", code="bad-token")
    return told


def _read(token: str, decoder: msgspec.json.Decoder[_T]) -> tuple[Header, _T]:
    if len(token) > LONGEST:
        raise Unauthenticated(f"the token is longer than {LONGEST} characters", code="token-too-large")
    return read_as(token, decoder)


async def _check_signed(token: str, header: Header, directory: Directory, kinds: set[str]) -> None:
    if header.alg not in directory.settings.algorithms:
        raise Unauthenticated("the token's algorithm is not allowed for its issuer", code="bad-algorithm")
    check_header(header)
    if header.kind not in kinds:
        raise Unauthenticated("the token is of another kind", code="wrong-kind")
    if not header.kid:
        raise Unauthenticated("the token does not name its key", code="no-key-id")
    check_signature(token, header.alg, await directory.keys.key(header.kid, header.alg))


def _check_meant(ours: Upstream, issuer: str, audience: str | list[str], azp: str) -> None:
    """It is by this issuer and for us; with others beside us, it was made for us (``azp``)."""
    if issuer != ours.url:
        raise Unauthenticated("the token is another issuer's", code="wrong-issuer")
    audiences = [audience] if isinstance(audience, str) else audience
    if ours.client_id not in audiences or azp not in ("", ours.client_id):
        raise Unauthenticated("the token is meant for another service", code="bad-audience")
    if len(audiences) > 1 and azp != ours.client_id:
        raise Unauthenticated(
            "the token is meant for several services, and made for none", code="bad-audience"
        )


def _hash_fits(at_hash: str, access_token: str, algorithm: str) -> bool:
    """3.1.3.6: the left half of the hash that the algorithm signs with."""
    made = _HASHES.get(algorithm[-3:], hashlib.sha512)(access_token.encode()).digest()
    expected = base64.urlsafe_b64encode(made[: len(made) // 2]).decode().rstrip("=")
    return hmac.compare_digest(expected.encode(), at_hash.encode())
