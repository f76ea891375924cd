"""A signed token, read before its signature is checked: to find the key, and for nothing else.

JSON Web Signature (RFC 7515) in its compact form, three parts of base64url. What reads otherwise to
another parser is refused here: a name that stands twice, letters outside the alphabet, an unencoded
payload (RFC 7797), a token within a token, and any header that must be understood and is not.
"""

from __future__ import annotations

import base64
import json
import re
import warnings
from typing import TypeVar

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning

from scr.api.auth.keys import VerifyingKey
from scr.errors import Unauthenticated

T = TypeVar("T")

LONGEST = 16_384
"""Characters of a token."""
_NUL = rb"\u0000"
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*\Z")


class Header(msgspec.Struct):
    """The header: the algorithm, the key's id, the kind of token. Addresses and keys in it are not read."""

    alg: str
    kid: str = ""
    typ: str = "JWT"
    cty: str = ""
    crit: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    b64: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    zip: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @property
    def kind(self) -> str:
        """``typ`` in small letters and without ``application/``, as RFC 7515, 4.1.9 compares it."""
        return self.typ.lower().removeprefix("application/")


class NrbacRole(msgspec.Struct):
    """One role of a member of staff in NHS CIS2's ``nhsid_nrbac_roles``."""

    person_roleid: str
    org_code: str
    role_code: str
    role_name: str = ""
    activity_codes: list[str] = []


class Acting(msgspec.Struct):
    """``act`` (RFC 8693, 4.1): who acts for the person of the token, as NHS login tells of a carer.

    ``relationship`` is by what right: a code of England-NHSProxyLegalBasis.
    """

    sub: str
    name: str = ""
    nhs_number: str = ""
    identity_proofing_level: str = ""
    vot: str = ""
    relationship: str = ""
    act: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Claims(msgspec.Struct):
    """The claims that are read. Times are seconds since 1970."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: float
    nbf: float | None = None
    iat: float | None = None
    jti: str = ""
    scope: str = ""
    name: str = ""
    client_id: str = ""
    nhsid_useruid: str = ""
    selected_roleid: str | None = None
    nhsid_nrbac_roles: list[NrbacRole] = []
    organisation_name: str = ""
    organisation_code: str = ""
    authentication_assurance_level: str | int = ""
    nhs_number: str = ""
    identity_proofing_level: str = ""
    vot: str = ""
    act: Acting | None = None
    grant: str = ""
    nonce: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    at_hash: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    events: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    cnf: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @property
    def audiences(self) -> list[str]:
        """``aud`` as a list."""
        return self.aud if isinstance(self.aud, list) else [self.aud]

    @property
    def of_sign_in(self) -> bool:
        """Whether it is what a client is told of a sign-in or a sign-out, and so no token to come with."""
        return any(each is not msgspec.UNSET for each in (self.nonce, self.at_hash, self.events))


class Named(msgspec.Struct, frozen=True, array_like=True):
    """What names a token that somebody came with, and is none: enough to ask whether it counts still."""

    iss: str
    sub: str
    client_id: str
    jti: str
    grant: str
    scope: str

    @classmethod
    def of(cls, claims: Claims) -> Named:
        """The name of a token by its claims."""
        return cls(claims.iss, claims.sub, claims.client_id, claims.jti, claims.grant, claims.scope)

    def claims(self) -> Claims:
        """The claims that are kept of it, without a time and an audience."""
        return Claims(
            self.iss, self.sub, [], 0.0, jti=self.jti, scope=self.scope, client_id=self.client_id,
            grant=self.grant,
        )  # fmt: skip


_HEADER = msgspec.json.Decoder(Header)
_CLAIMS = msgspec.json.Decoder(Claims)


def looks_signed(token: str) -> bool:
    """Whether a token has the three parts of a signed one; any other is opaque."""
    return token.count(".") == 2


def read(token: str) -> tuple[Header, Claims]:
    """Header and claims of a token that is not believed yet. Raises Unauthenticated ``bad-token``."""
    return read_as(token, _CLAIMS)


def read_as(token: str, claims: msgspec.json.Decoder[T]) -> tuple[Header, T]:
    """As ``read``, for a token of another kind, whose claims are others."""
    match = _COMPACT.match(token)
    if match is None:
        raise Unauthenticated("the token is not a signed JWT", code="bad-token")
    try:
        parts = [_decoded(part) for part in match.groups()]
        for part in parts:
            if _NUL in part:  # which no database keeps
                raise ValueError("it holds a NUL")
            json.loads(part, object_pairs_hook=_once)
        return _HEADER.decode(parts[0]), claims.decode(parts[1])
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Unauthenticated("the token cannot be read", code="bad-token") from None


def check_header(header: Header) -> None:
    """Refuse what changes the meaning of a token in a way that is not understood here."""
    if any(each is not msgspec.UNSET for each in (header.crit, header.b64, header.zip)):
        raise Unauthenticated("the token asks for an extension that is not known here", code="bad-header")
    if header.cty.lower().removeprefix("application/") == "jwt":
        raise Unauthenticated("the token holds another token", code="bad-header")


def check_signature(token: str, algorithm: str, key: VerifyingKey) -> None:
    """Raises Unauthenticated ``bad-signature`` where the token was not signed with the key."""
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = LONGEST
    try:
        with warnings.catch_warnings():  # the older name of Ed25519, which issuers still sign with
            warnings.simplefilter("ignore", SecurityWarning)
            jws.deserialize_compact(token, key, registry=registry)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise Unauthenticated("the token's signature does not hold", code="bad-signature") from None


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _once(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice")
