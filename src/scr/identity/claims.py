"""What users claim for themselves: a relationship with a person, or that in an emergency they must look.

Everything about a claim is bound: one user in one role at one organisation, one person, some hours, one
reason. The row is the alert: whoever is told of overrides finds it in their list (``identity.oversight``)
from the moment that it holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from scr.consent.actor import Actor
from scr.consent.breakglass import BTG, GlassPolicy, Lift
from scr.consent.ties import TiePolicy
from scr.errors import Conflict, Forbidden, TooMany, Unprocessable
from scr.store import claims
from scr.store.claims import Claim, ClaimKind
from scr.store.people import Person

TREAT = "TREAT"
_HOUR = 3600 * 1000
_NAMED = {ClaimKind.GLASS: "the glass is broken", ClaimKind.RELATIONSHIP: "the relationship is claimed"}


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a role may claim: for how long, at most for how long, and how many at once.

    ``purpose`` is a code of v3-ActReason; ``lifts`` what a broken glass lifts.
    """

    kind: ClaimKind
    purpose: str
    hours: int
    most_hours: int
    most_at_once: int
    lifts: frozenset[Lift] = frozenset()


def terms_of(kind: ClaimKind, activities: frozenset[str], ties: TiePolicy, glass: GlassPolicy) -> Terms:
    """The terms for a job role with these activities. Raises Forbidden where it may not claim this."""
    if kind is ClaimKind.GLASS:
        lifts = glass.lifted_for(activities)
        if lifts:
            return Terms(kind, BTG, glass.hours, glass.most_hours, glass.most_at_once, lifts)
        raise Forbidden("the job role may not break the glass", code="role-activity")
    allowed = ties.claims
    if allowed is None or allowed.activity not in activities:
        raise Forbidden("the job role may not claim a relationship", code="role-activity")
    return Terms(kind, TREAT, allowed.hours, allowed.most_hours, allowed.most_at_once)


def check_hours(terms: Terms, hours: int | None) -> int:
    """For how many hours it is. Raises Unprocessable over what the policy allows."""
    if hours is None:
        return terms.hours
    if not 1 <= hours <= terms.most_hours:
        raise Unprocessable(f"hours is 1 to {terms.most_hours} here", code="bad-hours")
    return hours


def check_open(connection: Connection, actor: Actor, terms: Terms, now: int) -> None:
    """Raises TooMany where the user has as many open as the policy allows, whomever they are about."""
    if claims.open_now(connection, actor.subject, terms.kind, now) >= terms.most_at_once:
        raise TooMany(
            f"you have {terms.most_at_once} of these open already: wait until one has ended",
            code="too-many-claims",
        )


def draft(actor: Actor, terms: Terms, *, hours: int, now: int) -> Claim:
    """A claim without whom it is about. Raises Forbidden for a token without a role at a place."""
    if actor.role is None or actor.organisation is None:
        raise Forbidden("the token names no selected role at an organisation", code="no-role")
    return Claim(
        id="",
        person="",
        kind=terms.kind,
        subject=actor.subject,
        name=actor.name,
        role=actor.role,
        role_name=actor.role_name,
        organisation=actor.organisation,
        organisation_name=actor.organisation_name,
        purpose=terms.purpose,
        since=now,
        until=now + hours * _HOUR,
    )


def claim(
    connection: Connection,
    person: Person,
    view: tuple[Person, ...],
    actor: Actor,
    terms: Terms,
    made: Claim,
    reason: str,
) -> Claim:
    """Write a claim (``draft``) of a person, for whoever is read as one with them (``view``).

    Raises TooMany; Conflict where the user has one open for them; Forbidden where one was withdrawn and
    would not be over yet.
    """
    claims.hold(connection, actor.subject)  # or two at one moment would not know of each other
    check_open(connection, actor, terms, made.since)
    for one in view:
        for known in claims.of_actor(connection, one.key, actor.subject, made.since):
            _check_known(known, actor, terms)
    return claims.add(connection, person, made, reason)


def _check_known(known: Claim, actor: Actor, terms: Terms) -> None:
    if known.kind is not terms.kind:
        return
    if known.withdrawn is not None:
        raise Forbidden("it was withdrawn: speak to the privacy officer", code="claim-withdrawn")
    if known.role == actor.role and known.organisation == actor.organisation:
        raise Conflict(f"{_NAMED[known.kind]} already, until it ends", code="claim-open")
