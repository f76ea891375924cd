"""A request with what the rules ask about worked out, once for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from scr.consent.actor import Actor, ActorKind
from scr.consent.breakglass import BTG, Lift, lifted
from scr.consent.policy import Policy, Role
from scr.consent.request import AccessRequest
from scr.consent.sharing import Say, in_force
from scr.fhir.headings import DEMOGRAPHICS, SUPPORTING

_EMERGENCY = "ETREAT"
_WRITING = frozenset({"c", "u"})
_ALWAYS = frozenset({DEMOGRAPHICS, SUPPORTING})
"""What every carer sees: whose record it is, and who and where the rest of it speaks of."""
NOBODY = Role("", "", frozenset(), frozenset(), "U")
"""What an actor opens whom the policy does not know: nothing."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request as the rules see it: what is worked out once for all of them.

    ``role`` is what the actor opens, ``say`` what the person has said of sharing with them, ``lifts`` what
    an open glass lifts, ``kind`` the type of the asking organisation, ``purpose`` the purpose of use,
    ``by_consent`` whether a carer has access by nothing but the person's Consent.
    """

    request: AccessRequest
    policy: Policy
    now: datetime
    role: Role
    say: Say
    lifts: frozenset[Lift]
    kind: str
    purpose: str
    by_consent: bool

    def decides_as(self, other: Case) -> bool:
        """Whether every entry is decided on as in another case: no rule of an entry asks what time it is."""
        return self == replace(other, now=self.now)


def case_of(request: AccessRequest, policy: Policy, now: datetime) -> Case:
    """Work out what the rules ask about. May fail in whatever way its parts do: ``decide`` denies then."""
    actor, online = request.actor, request.online
    role = role_of(request, policy)
    own = actor.kind is ActorKind.CITIZEN and online is not None and online.own
    organisation = "" if actor.organisation is None else actor.organisation.value
    return Case(
        request=request,
        policy=policy,
        now=now,
        role=role,
        say=in_force(request.rules, actor, now, purpose=request.purpose, own=own),
        lifts=lifted(request.glass, actor, role.activities, policy.glass, now),
        kind=policy.agreements.type_of(organisation, _types(actor, organisation, request.organisations)),
        purpose=_EMERGENCY if request.purpose == BTG else request.purpose,
        by_consent=actor.kind is ActorKind.CARER and online is not None and online.delegation is None,
    )


def role_of(request: AccessRequest, policy: Policy) -> Role:
    """What the actor opens. A carer opens no more than what their access rests on lets them."""
    actor, online = request.actor, request.online
    role = policy.opens(actor.kind, actor.role, actor.activities) or NOBODY
    if actor.kind is not ActorKind.CARER:
        return role
    delegation = None if online is None else online.delegation
    if delegation is None or not delegation.contributes:
        role = replace(role, interactions=role.interactions - _WRITING, writes=frozenset())
    if delegation is None or delegation.headings is None:
        return role
    return replace(role, headings=role.headings & (delegation.headings | _ALWAYS))


def _types(actor: Actor, organisation: str, told: Mapping[str, str]) -> Mapping[str, str]:
    """The types of organisations; of one that a neighbour speaks for, and of which nothing is known here,
    as the neighbour was registered with it."""
    if actor.through is None or organisation in told:
        return told
    return {organisation: actor.through.organisation_type}
