"""The JWT that tells a practice who asks.

It is unsigned: it is provenance for the practice's own audit and proves nothing, so this system sends
such tokens and never takes one in.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import orjson

from scr.consent.actor import Actor
from scr.fhir.entry import Resource
from scr.fhir.identifiers import ODS_SYSTEM

_SDS_USER = "https://fhir.nhs.uk/Id/sds-user-id"
_SDS_ROLE_PROFILE = "https://fhir.nhs.uk/Id/sds-role-profile-id"
_TOKEN_SECONDS = 300
_UNKNOWN = "UNK"


def provenance_token(actor: Actor, *, issuer: str, audience: str, version: str, now: int) -> str:
    """The unsigned JWT (RFC 7519, ``alg`` none, empty signature) that names the asker to the practice.

    ``now`` is seconds UTC; it lasts five minutes. A smartcard id that is not known is ``UNK``.
    """
    user = actor.user_id or _UNKNOWN
    claims = {
        "iss": issuer,
        "sub": user,
        "aud": audience,
        "exp": now + _TOKEN_SECONDS,
        "iat": now,
        "reason_for_request": "directcare",
        "requested_scope": "patient/*.read",
        "requesting_device": {
            "resourceType": "Device",
            "identifier": [{"system": issuer, "value": "scr"}],
            "model": "scr",
            "version": version,
        },
        "requesting_organization": {
            "resourceType": "Organization",
            "identifier": [{"system": ODS_SYSTEM, "value": str(actor.organisation or _UNKNOWN)}],
            "name": actor.organisation_name or _UNKNOWN,
        },
        "requesting_practitioner": _practitioner(actor, user, issuer),
    }
    header = {"alg": "none", "typ": "JWT"}
    return f"{_base64url(header)}.{_base64url(claims)}."


def _practitioner(actor: Actor, user: str, issuer: str) -> Resource:
    *given, family = actor.name.split() or [_UNKNOWN]
    return {
        "resourceType": "Practitioner",
        "id": user,
        "identifier": [
            {"system": _SDS_USER, "value": user},
            {"system": _SDS_ROLE_PROFILE, "value": _UNKNOWN},
            {"system": f"{issuer}/user", "value": actor.subject},
        ],
        "name": [{"family": family} | ({"given": given} if given else {})],
    }


def _base64url(claims: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(claims)).rstrip(b"=").decode("ascii")
