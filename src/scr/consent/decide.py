"""``decide``: may this actor do this, to this person's record, and to this entry of it, and why?

Pure and total. Default deny, deny overrides, and a missing fact, an unknown value or an error
denies. The rules stand in ``rules`` in the order in which they are asked; the first that denies is the
reason, unless a broken glass lifts its kind of denial. A permit names what was lifted for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from scr.consent.actor import ActorKind
from scr.consent.case import Case, case_of, role_of
from scr.consent.decided import Before
from scr.consent.policy import ONLINE, Policy
from scr.consent.request import AccessRequest, Decision, Interaction, Obligation, Reason
from scr.consent.rules import (
    ACTOR_RULES,
    CONSENT_RULE,
    ENTRY_RULES,
    PERSON_RULES,
    AskEntry,
    AskWhole,
    Rule,
)
from scr.consent.scopes import by_search
from scr.consent.sharing import Kind
from scr.fhir.entry import Entry

__all__ = [
    "WHEREABOUTS",
    "AccessRequest",
    "Decision",
    "Interaction",
    "Obligation",
    "Reason",
    "Ruling",
    "choices_told",
    "decide",
    "decide_actor",
    "entry_decider",
    "opened_headings",
    "visible_headings",
]

WHEREABOUTS = "B1611"
"""The activity that it takes to learn where a person is whose whereabouts are restricted."""
ERRORS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)
"""What a rule can fail with on a fact or a policy that is not as it should be."""
FAULT = Reason("decision-error", "The decision could not be made, so access is refused.")
_PERMITTED = Reason("permitted", "Role, scope and relationship allow it.")
_ENTRY_PERMITTED = Reason("permitted", "Role, scope and clearance allow it.")
_LIFTED = Reason("break-glass", "A broken glass opened it: somebody will look at this afterwards.")

_WHOLE_RULES = ACTOR_RULES + PERSON_RULES
_BY_KEY = tuple(rule for rule in ENTRY_RULES if rule is not CONSENT_RULE)
_BEFORE_CONSENT = frozenset(rule.name for rule in ENTRY_RULES[: ENTRY_RULES.index(CONSENT_RULE)])


def decide_actor(request: AccessRequest, policy: Policy, now: datetime) -> Decision:
    """Whether the actor may do this to anybody's record at all. Tells nothing about any person."""
    return _whole(ACTOR_RULES, request, policy, now)


def decide(request: AccessRequest, policy: Policy, now: datetime) -> Decision:
    """Whether the actor may do this to this person's record as a whole."""
    return _whole(_WHOLE_RULES, request, policy, now)


class Ruling:
    """What is decided of one request at one instant: of the record as a whole, and of each entry.

    The part that is the same for all is made once. What depends on the entry's source, type, heading and
    labels only is remembered by these; of the person's own rules, those that name an entry or a date are
    asked of each, and so are scopes with search parameters. ``before``: what was decided of the same record.
    """

    __slots__ = ("_by_key", "_decided", "_rules", "_scoped", "whole")

    def __init__(
        self, request: AccessRequest, policy: Policy, now: datetime, before: Before | None = None
    ) -> None:
        self.whole = decide(request, policy, now)
        case = case_of(request, policy, now) if self.whole.permit else None
        self._decided = None if case is None else (before or Before()).of(case)
        self._by_key = case is None or case.say.by_key
        self._rules = ENTRY_RULES if self._by_key else _BY_KEY
        self._scoped = by_search(request.actor.scopes, request.interaction.value)

    def __call__(self, entry: Entry) -> Decision:
        """Whether the entry may be seen, and why."""
        decided = self._decided
        if decided is None:
            return self.whole
        try:
            scoped = self._scoped is not None and self._scoped(entry)
            key = (entry.source, entry.type, entry.heading, entry.labels, scoped)
            found = decided.known.get(key)
            if found is None:
                found = decided.known[key] = _entry(self._rules, decided.case, entry)
            if self._by_key or found.rule in _BEFORE_CONSENT:
                decided.permits[key] = found.permit
                return found
            said = _entry((CONSENT_RULE,), decided.case, entry)
        except ERRORS:
            return Decision(False, (FAULT,), decided.case.policy.hash, rule="error")
        if not said.permit:
            return said
        if not found.permit or said.code == _ENTRY_PERMITTED.code:
            return found
        if found.code == _ENTRY_PERMITTED.code:
            return said
        return Decision(True, _in_order(found, said), decided.case.policy.hash)

    def permits(self, entry: Entry) -> bool:
        """Whether the entry may be seen."""
        return self(entry).permit

    def permitted(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those that may be seen, in their order: as ``permits`` says it of each, and quicker."""
        decided = self._decided
        if decided is None or self._scoped is not None:
            return [entry for entry in entries if self(entry).permit]
        asked = tuple(entries)
        for before, permitted in decided.lists:
            if before == asked:
                return list(permitted)
        known, found = decided.permits, []
        for entry in asked:
            permit = known.get((entry.source, entry.type, entry.heading, entry.labels, False))
            if self(entry).permit if permit is None else permit:
                found.append(entry)
        decided.keep(asked, found)
        return list(found)

    def opened_headings(self, sources: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """The headings that are open to the actor of each source, whatever stands there.

        Nothing of an entry is asked: what is said of a heading here is the same whether or not the person
        has anything under it. None is open where the record as a whole is not.
        """
        decided = self._decided
        if decided is None:
            return dict.fromkeys(sources, frozenset())
        found = {}
        for source in sources:
            headings = decided.opened.get(source)
            if headings is None:
                headings = decided.opened[source] = _open(decided.case, source)
            found[source] = headings
        return found


def entry_decider(request: AccessRequest, policy: Policy, now: datetime) -> Callable[[Entry], Decision]:
    """The decision for each entry of a record."""
    return Ruling(request, policy, now)


def visible_headings(request: AccessRequest, policy: Policy) -> frozenset[str]:
    """The headings that the actor's role opens; none for an unknown role."""
    return role_of(request, policy).headings


def opened_headings(
    request: AccessRequest, policy: Policy, now: datetime, sources: Iterable[str]
) -> Mapping[str, frozenset[str]]:
    """``Ruling.opened_headings`` of a request."""
    return Ruling(request, policy, now).opened_headings(sources)


def choices_told(request: AccessRequest, policy: Policy, now: datetime) -> frozenset[Kind]:
    """What the person's own choices that bind this actor are about, whatever of it the record has.

    Staff are told of them; who reads online is not, because it would itself tell.
    """
    try:
        case = case_of(request, policy, now)
    except ERRORS:
        return frozenset()
    if request.actor.kind in ONLINE or "objection" in case.lifts:
        return frozenset()
    return frozenset(rule.kind for rule in case.say.denies)


def _open(case: Case, source: str) -> frozenset[str]:
    request, headings = case.request, case.role.headings
    if request.actor.kind is ActorKind.CARER:  # what the person chose to keep from them is not told
        return headings
    if any(source == one.value for one in request.objections):
        return frozenset()
    if "objection" not in case.lifts:
        if source in case.say.sources:
            return frozenset()
        headings -= case.say.headings | case.say.sealed(source)
    if request.actor.kind in ONLINE:
        return headings
    agreements, told = case.policy.agreements, request.organisations
    return frozenset(
        heading
        for heading in headings
        if agreements.shares_of(case.kind, heading, case.purpose, source, told)
    )


def _whole(
    rules: tuple[Rule[AskWhole], ...], request: AccessRequest, policy: Policy, now: datetime
) -> Decision:
    lifted: list[Reason] = []
    try:
        case = case_of(request, policy, now)
        for rule in rules:
            reason = rule.ask(case)
            if reason is None:
                continue
            if rule.lift not in case.lifts:
                return Decision(False, (reason,), policy.hash, rule=rule.name)
            lifted.append(reason)
        obligations = _obligations(case)
    except ERRORS:
        return Decision(False, (FAULT,), policy.hash, rule="error")
    return Decision(True, (_LIFTED, *lifted) if lifted else (_PERMITTED,), policy.hash, obligations)


def _entry(rules: tuple[Rule[AskEntry], ...], case: Case, entry: Entry) -> Decision:
    lifted: list[Reason] = []
    for rule in rules:
        reason = rule.ask(case, entry)
        if reason is None:
            continue
        if rule.lift not in case.lifts:
            return Decision(False, (reason,), case.policy.hash, rule=rule.name)
        lifted.append(reason)
    return Decision(True, (_LIFTED, *lifted) if lifted else (_ENTRY_PERMITTED,), case.policy.hash)


def _in_order(found: Decision, said: Decision) -> tuple[Reason, ...]:
    """What a broken glass lifted of an entry, in the order of the rules: first what the person has said."""
    return (_LIFTED, *said.reasons[1:], *found.reasons[1:])


def _obligations(case: Case) -> frozenset[Obligation]:
    found: set[Obligation] = set()
    if case.request.standing.restricted and WHEREABOUTS not in case.role.activities:
        found.add(Obligation.HIDE_WHEREABOUTS)
    if case.policy.is_below_restricted(case.role):
        found.add(Obligation.TELL_OF_WITHHELD)
    if case.lifts:
        found.add(Obligation.REVIEW_AFTERWARDS)
    return frozenset(found)
