"""What is asked of the actor alone: who it is, in which role, by which token, for what."""

from __future__ import annotations

from scr.consent.actor import ActorKind
from scr.consent.case import NOBODY, Case
from scr.consent.policy import ONLINE
from scr.consent.request import Reason
from scr.consent.rules.rule import AskWhole, Rule
from scr.consent.scopes import reached


def _admission(case: Case) -> Reason | None:
    if case.request.actor.kind in case.request.serves:
        return None
    if case.request.serves == {ActorKind.PROFESSIONAL}:
        return Reason("actor-kind", "This endpoint serves health and care professionals.")
    return Reason("actor-kind", "This endpoint does not serve this kind of actor.")


def _subject(case: Case) -> Reason | None:
    if case.request.actor.subject:
        return None
    return Reason("no-subject", "The token does not say who it is about.")


def _scope(case: Case) -> Reason | None:
    letter = case.request.interaction.value
    if any(one == letter for _, one in reached(case.request.actor.scopes)):
        return None
    return Reason("scope", "The token's scopes do not grant this interaction.")


def _assurance(case: Case) -> Reason | None:
    wanted = case.policy.assurance.get(case.request.actor.kind)
    if wanted is None or case.request.actor.assurance in wanted:
        return None
    return Reason("assurance", "The sign-in does not tell surely enough who it was.")


def _role(case: Case) -> Reason | None:
    if case.role is not NOBODY:
        return None
    if case.request.actor.kind is ActorKind.PROFESSIONAL and case.request.actor.role is None:
        return Reason("no-role", "The token names no selected role.")
    return Reason("unknown-role", "The policy gives no access to this job role.")


def _activity(case: Case) -> Reason | None:
    if case.request.interaction.value in case.role.interactions and case.role.headings:
        return None
    return Reason("role-activity", "The job role has no activity that views records.")


def _scope_of_role(case: Case) -> Reason | None:
    letter = case.request.interaction.value
    pairs = reached(case.request.actor.scopes)
    if ("*", letter) in pairs or any((kind, letter) in pairs for kind in case.policy.types_of(case.role)):
        return None
    return Reason("scope", "The token's scopes grant nothing of what the job role opens.")


def _purpose(case: Case) -> Reason | None:
    purposes = case.policy.purposes_of(case.request.actor.kind)
    if case.purpose in purposes:
        return None
    return Reason("purpose", "The purpose of use is not one that the policy allows.")


def _organisation(case: Case) -> Reason | None:
    if case.request.actor.kind in ONLINE or case.request.actor.organisation is not None:
        return None
    return Reason("no-organisation", "The token names no organisation.")


ACTOR_RULES: tuple[Rule[AskWhole], ...] = (
    Rule("admission", "Is this face for this kind of actor?", "another kind of actor", _admission),
    Rule("token", "Does the token say who it is about?", "a token with a subject", _subject),
    Rule("scope", "Do the scopes grant the interaction?", "a scope such as user/*.rs", _scope),
    Rule(
        "assurance", "Was the sign-in sure enough?", "a sign-in of a level that roles.yaml names", _assurance
    ),
    Rule("role", "Does the policy know the selected job role?", "another selected role", _role),
    Rule("activity", "Has the role an activity that views records?", "another selected role", _activity),
    Rule(
        "scope-of-role",
        "Do the scopes grant any type that the role opens?",
        "a scope for a type that the role opens",
        _scope_of_role,
    ),
    Rule("purpose", "Is the purpose of use allowed?", "a purpose that the policy names", _purpose),
    Rule("organisation", "Does the token name an organisation?", "a role at an organisation", _organisation),
)
"""Asked of the actor alone."""
