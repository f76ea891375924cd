"""The token that tells a practice who asks."""

from __future__ import annotations

import base64

import orjson
from tests.unit.sources import given

from scr.consent.actor import Actor, ActorKind
from scr.sources.provenance import provenance_token


def claims_of(token: str) -> tuple[given.Tree, given.Tree]:
    """Header and claims of an unsigned JWT."""
    header, claims, signature = token.split(".")
    assert signature == ""
    head, body = (orjson.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))) for p in (header, claims))
    return head, body


def test_the_token_names_the_asker_and_proves_nothing() -> None:
    """The claims are the actor's, for five minutes from the clock; without a card the ids are UNK."""
    token = provenance_token(
        given.ACTOR, issuer="https://scr.example", audience="https://gp.example", version="1", now=1_000
    )
    header, claims = claims_of(token)
    assert header == {"alg": "none", "typ": "JWT"}
    assert (claims["iat"], claims["exp"]) == (1_000, 1_300)
    assert claims["reason_for_request"] == "directcare"
    assert claims["requested_scope"] == "patient/*.read"
    assert claims["sub"] == claims["requesting_practitioner"]["id"] == given.ACTOR.user_id
    assert claims["requesting_practitioner"]["name"] == [{"family": "Lee", "given": ["Ann"]}]
    assert claims["requesting_organization"]["identifier"][0]["value"] == "RX1"
    unknown = Actor(kind=ActorKind.SYSTEM, subject="issuer|machine")
    _, claims = claims_of(provenance_token(unknown, issuer="i", audience="a", version="1", now=0))
    identifiers = claims["requesting_practitioner"]["identifier"]
    assert [i["value"] for i in identifiers] == ["UNK", "UNK", "issuer|machine"]
