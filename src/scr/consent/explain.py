"""Why: every rule in its order, what each said, and which single change would alter the answer.

``decide`` stops at the first denial and keeps nothing else; here the same tables are asked to their end,
when somebody wants to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Literal

from scr.consent.actor import Actor, ActorKind
from scr.consent.breakglass import BrokenGlass
from scr.consent.case import Case, case_of
from scr.consent.decide import ERRORS, FAULT, decide, decide_actor, entry_decider
from scr.consent.policy import Policy
from scr.consent.request import AccessRequest, Decision, Reason
from scr.consent.rules import ACTOR_RULES, ENTRY_RULES, PERSON_RULES, AskEntry, AskWhole, Rule
from scr.fhir.dates import milliseconds
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode

_HOUR_MS = 3_600_000


class Answer(StrEnum):
    """What a rule said."""

    PASSES = "passes"
    DENIES = "denies"
    LIFTED = "lifted"
    ALSO_DENIES = "would deny too"


Part = Literal["actor", "person", "entry"]


@dataclass(frozen=True, slots=True)
class Said:
    """One rule: of what it was asked, what it said, and why where it did not pass."""

    rule: str
    part: Part
    question: str
    remedy: str
    answer: Answer
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the facts or of the asker that alone would turn a refusal into a permit."""

    what: str
    code: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision, all rules in order, and what alone would change a refusal."""

    decision: Decision
    said: tuple[Said, ...]
    changes: tuple[Change, ...]


def explain(
    request: AccessRequest, policy: Policy, now: datetime, entry: Entry | None = None, *, person: bool = True
) -> Explanation:
    """Why a request is permitted or refused: about an entry, a person (``person``), or anybody at all."""
    decision = _decision(request, policy, now, entry, person)
    said = tuple(_said(request, policy, now, entry, person))
    changes = () if decision.permit else tuple(_changes(request, policy, now, entry, person))
    return Explanation(decision, said, changes)


def _decision(
    request: AccessRequest, policy: Policy, now: datetime, entry: Entry | None, person: bool
) -> Decision:
    if entry is not None:
        return entry_decider(request, policy, now)(entry)
    return decide(request, policy, now) if person else decide_actor(request, policy, now)


def _said(
    request: AccessRequest, policy: Policy, now: datetime, entry: Entry | None, person: bool
) -> Iterator[Said]:
    try:
        case = case_of(request, policy, now)
    except ERRORS:
        yield Said("facts", "actor", "Can the facts be read?", "", Answer.DENIES, FAULT)
        return
    refused = False
    for part, rule, ask in _asked(case, entry, person):
        try:
            reason = ask()
        except ERRORS:
            reason = FAULT
        said = Said(rule.name, part, rule.question, rule.remedy, _answer(case, rule, reason, refused), reason)
        refused = refused or said.answer is Answer.DENIES
        yield said


_Rule = Rule[AskWhole] | Rule[AskEntry]


def _asked(
    case: Case, entry: Entry | None, person: bool
) -> Iterator[tuple[Part, _Rule, Callable[[], Reason | None]]]:
    for rule in ACTOR_RULES:
        yield "actor", rule, partial(rule.ask, case)
    if person or entry is not None:
        for rule in PERSON_RULES:
            yield "person", rule, partial(rule.ask, case)
    if entry is not None:
        for one in ENTRY_RULES:
            yield "entry", one, partial(one.ask, case, entry)


def _answer(case: Case, rule: _Rule, reason: Reason | None, refused: bool) -> Answer:
    if reason is None:
        return Answer.PASSES
    if rule.lift in case.lifts and reason is not FAULT:
        return Answer.LIFTED
    return Answer.ALSO_DENIES if refused else Answer.DENIES


def _changes(
    request: AccessRequest, policy: Policy, now: datetime, entry: Entry | None, person: bool
) -> Iterator[Change]:
    """What alone turns the refusal into a permit, tried by deciding again."""
    for what, changed in _alternatives(request, policy, now):
        found = _decision(changed, policy, now, entry, person)
        if found.permit:
            yield Change(what, found.code)


def _alternatives(
    request: AccessRequest, policy: Policy, now: datetime
) -> Iterator[tuple[str, AccessRequest]]:
    actor = request.actor
    if actor.organisation is not None:
        related = request.relationships | {actor.organisation}
        yield "a relationship of the organisation with the person", replace(request, relationships=related)
        if actor.role is not None:
            glass = _glass(actor, actor.role, actor.organisation, now)
            yield "breaking the glass", replace(request, glass=glass)
    yield "the person's withdrawing their Consents", replace(request, rules=())
    yield "the sources' telling of no objection", replace(request, objections=frozenset())
    yield "another scope (user/*.rs)", replace(request, actor=replace(actor, scopes=frozenset({"user/*.rs"})))
    for purpose in sorted(policy.purposes_of(actor.kind) - {request.purpose}):
        yield f"the purpose {purpose}", replace(request, purpose=purpose)
    if actor.kind is ActorKind.PROFESSIONAL:
        for code, role in policy.roles.items():
            if code != actor.role:
                other = replace(actor, role=code, activities=frozenset())
                yield f"the job role {code} ({role.name})", replace(request, actor=other)


def _glass(actor: Actor, role: str, organisation: OdsCode, now: datetime) -> BrokenGlass:
    at = milliseconds(now)
    return BrokenGlass("what if", "what if", actor.subject, role, organisation, at, at + _HOUR_MS)
