"""``decide``: may this actor do this, to this person's record, and to this entry of it, and why?

Pure and total. Default deny, deny overrides, and a missing fact, an unknown value or an error
denies. The rules stand in the order in which they are asked; the first that denies is the reason.
A permit names the rules that let it through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scr.consent.actor import Actor, ActorKind
from scr.consent.policy import Policy, Role
from scr.consent.scopes import allows
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode


class Interaction(StrEnum):
    """What is to be done; the value is the SMART letter that a scope must grant."""

    READ = "r"
    SEARCH = "s"


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that spoke: a stable code, and a sentence that a person understands."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """Who asks to do what.

    ``relationships``: organisations that care for the person now. ``objections``: organisations whose
    knowledge the person does not want shared.
    """

    actor: Actor
    interaction: Interaction
    relationships: frozenset[OdsCode] = frozenset()
    objections: frozenset[OdsCode] = frozenset()
    purpose: str = "TREAT"


@dataclass(frozen=True, slots=True)
class Decision:
    """Permit or deny, the reasons, and the hash of the policy that said so."""

    permit: bool
    reasons: tuple[Reason, ...]
    policy: str

    @property
    def code(self) -> str:
        """The code of the reason that decided."""
        return self.reasons[0].code


Rule = Callable[[AccessRequest, Policy, datetime], Reason | None]
"""A rule gives the reason to deny, or None."""

_ERRORS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
_FAULT = Reason("decision-error", "The decision could not be made, so access is refused.")


def decide_actor(request: AccessRequest, policy: Policy, now: datetime) -> Decision:
    """Whether the actor may do this to anybody's record at all. Tells nothing about any person."""
    return _run(_ACTOR_RULES, request, policy, now)


def decide(request: AccessRequest, policy: Policy, now: datetime) -> Decision:
    """Whether the actor may do this to this person's record as a whole."""
    return _run(_ACTOR_RULES + _PERSON_RULES, request, policy, now)


def entry_decider(request: AccessRequest, policy: Policy, now: datetime) -> Callable[[Entry], Decision]:
    """The decision for each entry of a record, the part that is the same for all made once.

    Decisions depend on the entry's source, type, heading and labels only, and are remembered by these.
    """
    whole = decide(request, policy, now)
    if not whole.permit:
        return lambda _entry: whole
    role = policy.roles[str(request.actor.role)]
    known: dict[tuple[str, str, str, tuple[str, ...]], Decision] = {}

    def decide_entry(entry: Entry) -> Decision:
        key = (entry.source, entry.type, entry.heading, entry.labels)
        found = known.get(key)
        if found is None:
            found = known[key] = _decide_entry(request, role, entry, policy)
        return found

    return decide_entry


def visible_headings(request: AccessRequest, policy: Policy) -> frozenset[str]:
    """The headings that the actor's role opens; none for an unknown role."""
    role = policy.roles.get(request.actor.role or "")
    return frozenset() if role is None else role.headings


def _run(rules: tuple[Rule, ...], request: AccessRequest, policy: Policy, now: datetime) -> Decision:
    try:
        for rule in rules:
            reason = rule(request, policy, now)
            if reason is not None:
                return Decision(False, (reason,), policy.hash)
    except _ERRORS:
        return Decision(False, (_FAULT,), policy.hash)
    return Decision(True, (Reason("permitted", "Role, scope and relationship allow it."),), policy.hash)


def _kind(request: AccessRequest, _policy: Policy, _now: datetime) -> Reason | None:
    if request.actor.kind is ActorKind.PROFESSIONAL:
        return None
    return Reason("actor-kind", "This endpoint serves health and care professionals.")


def _role(request: AccessRequest, policy: Policy, _now: datetime) -> Reason | None:
    if request.actor.role is None:
        return Reason("no-role", "The token names no selected role.")
    if request.actor.role not in policy.roles:
        return Reason("unknown-role", "The policy gives no access to this job role.")
    return None


def _activity(request: AccessRequest, policy: Policy, _now: datetime) -> Reason | None:
    role = policy.roles[str(request.actor.role)]
    if request.interaction.value in role.interactions and role.headings:
        return None
    return Reason("role-activity", "The job role has no activity that views records.")


def _scope(request: AccessRequest, policy: Policy, _now: datetime) -> Reason | None:
    letter = request.interaction.value
    types = policy.types_of(policy.roles[str(request.actor.role)])
    if any(allows(request.actor.scopes, kind, letter) for kind in (*types, "*")):
        return None
    return Reason("scope", "The token's scopes do not grant this interaction.")


def _purpose(request: AccessRequest, policy: Policy, _now: datetime) -> Reason | None:
    if request.purpose in policy.purposes:
        return None
    return Reason("purpose", "The purpose of use is not one that the policy allows.")


def _organisation(request: AccessRequest, _policy: Policy, _now: datetime) -> Reason | None:
    if request.actor.organisation is None:
        return Reason("no-organisation", "The token names no organisation.")
    return None


def _relationship(request: AccessRequest, _policy: Policy, _now: datetime) -> Reason | None:
    if request.actor.organisation in request.relationships:
        return None
    return Reason("no-relationship", "Your organisation has no recorded care relationship with this person.")


_ACTOR_RULES: tuple[Rule, ...] = (_kind, _role, _activity, _scope, _purpose, _organisation)
_PERSON_RULES: tuple[Rule, ...] = (_relationship,)


def _decide_entry(request: AccessRequest, role: Role, entry: Entry, policy: Policy) -> Decision:
    reason: Reason | None = None
    if any(entry.source == organisation.value for organisation in request.objections):
        reason = Reason("objection", "The person does not want what this organisation knows to be shared.")
    elif entry.heading not in role.headings:
        reason = Reason("heading", "The job role does not open this heading of the record.")
    elif not allows(request.actor.scopes, entry.type, request.interaction.value):
        reason = Reason("scope", "The token's scopes do not grant this resource type.")
    elif policy.barred(role, entry.labels) is not None:
        reason = Reason("legal-bar", "The law keeps this entry from being shared, whoever asks.")
    elif not policy.cleared(role, entry.labels, request.actor.kind):
        reason = Reason("label", "The entry is marked as more confidential than the job role may see.")
    if reason is not None:
        return Decision(False, (reason,), policy.hash)
    return Decision(True, (Reason("permitted", "Role, scope and clearance allow it."),), policy.hash)
