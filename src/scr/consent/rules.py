"""The rules, as tables in the order in which they are asked. Each is one small function.

A rule gives the reason to deny, or None. The first that denies decides, unless a broken glass lifts its
kind of denial: then the next ones are asked all the same. A rule knows nothing of those before it, but
that they did not deny.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from scr.consent.actor import ActorKind
from scr.consent.breakglass import BTG, Lift
from scr.consent.case import NOBODY, Case
from scr.consent.label_policy import UNCLASSIFIED_TOKEN
from scr.consent.policy import ONLINE
from scr.consent.proxies import Delegation, Online, carer_denial, citizen_denial
from scr.consent.request import Reason
from scr.consent.scopes import allows, by_search, reached
from scr.consent.ties import has_tie
from scr.fhir.dates import milliseconds
from scr.fhir.entry import Entry
from scr.fhir.privacy_consent import ALWAYS

_WRITING = frozenset({"c", "u"})
_VERIFICATIONS = frozenset({"", "01", "02", "03", "04", "05", "06", "07", "08"})
"""UKCore-NHSNumberVerificationStatusEngland; empty where the register was never asked."""

Ask = TypeVar("Ask")
AskWhole = Callable[[Case], Reason | None]
AskEntry = Callable[[Case, Entry], Reason | None]


@dataclass(frozen=True, slots=True)
class Rule(Generic[Ask]):
    """One row: its stable name, what it asks, what would change its answer, and what may lift it."""

    name: str
    question: str
    remedy: str
    ask: Ask
    lift: Lift | None = None


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


def _state(case: Case) -> Reason | None:
    standing = case.request.standing
    if standing.verification not in _VERIFICATIONS:
        return Reason("person-state", "How the person stands in the national register cannot be read.")
    if standing.invalidated:
        return Reason("number-invalidated", "Their NHS Number is out of use: whose is this record?")
    if standing.deceased and case.request.actor.kind in ONLINE:
        return Reason("deceased", "Nobody has online access to the record of somebody who has died.")
    return None


def _relationship(case: Case) -> Reason | None:
    request = case.request
    if request.actor.kind in ONLINE or request.actor.organisation in request.relationships:
        return None
    if has_tie(request.ties, request.actor, case.policy.ties, case.now):
        return None
    return Reason("no-relationship", "Your organisation has no recorded care relationship with this person.")


def _launch(case: Case) -> Reason | None:
    launch = case.request.actor.launch
    if not launch or launch in case.request.patients:
        return None
    return Reason("launch", "The app was let into the record of one person, and not of this one.")


def _glass(case: Case) -> Reason | None:
    if case.request.purpose != BTG or case.lifts:
        return None
    return Reason("no-glass", "No broken glass of yours is open for this person.")


def _consent(case: Case) -> Reason | None:
    if case.say.record is None:
        return None
    return Reason("consent", "The person does not want their record to be shared with you.")


def _party(case: Case) -> Reason | None:
    if case.request.actor.kind in ONLINE or case.policy.agreements.is_party(case.kind, case.purpose):
        return None
    return Reason("no-agreement", "Your organisation is party to no sharing agreement for this purpose.")


def _online(case: Case) -> Reason | None:
    kind, proxies = case.request.actor.kind, case.policy.proxies
    if kind not in ONLINE:
        return None
    online = case.request.online
    if online is None or proxies.citizen is None or proxies.carer is None:
        return Reason("no-online-facts", "What the access rests on is not known.")
    if kind is ActorKind.CITIZEN:
        found = citizen_denial(online, proxies.citizen, case.now)
    else:
        found = carer_denial(_with_consent(case, online), proxies.carer, case.now)
    return None if found is None else Reason(*found)


def _with_consent(case: Case, online: Online) -> Online:
    """A carer whom the person's own Consent permits has access on the basis of consent, for its time."""
    permit = case.say.permitted
    if online.delegation is not None or permit is None:
        return online
    until = None if permit.ends >= ALWAYS[1] else permit.ends
    delegation = Delegation("consent", permit.starts, until, used=milliseconds(case.now))
    return replace(online, delegation=delegation)


PERSON_RULES: tuple[Rule[AskWhole], ...] = (
    Rule("state", "Is the person in a state that allows it?", "nothing that the asker can do", _state),
    Rule(
        "relationship",
        "Has the asking organisation to do with the person?",
        "a registration, visit, referral or caseload of the organisation; claiming one; a broken glass",
        _relationship,
        "relationship",
    ),
    Rule(
        "launch",
        "Is it the person whom the app was launched for?",
        "a launch for this person; a token without patient/ scopes",
        _launch,
    ),
    Rule(
        "glass",
        "Is a glass open where the purpose says so?",
        "breaking the glass, or another purpose",
        _glass,
    ),
    Rule(
        "consent",
        "Has the person objected to sharing the record with this asker?",
        "the person's withdrawing or changing their Consent; a broken glass where the policy lets it",
        _consent,
        "objection",
    ),
    Rule(
        "agreement",
        "Is the asking organisation party to a sharing agreement for this purpose?",
        "its type in its provider's file or under organisations of agreements.yaml, and a row for it",
        _party,
    ),
    Rule("online", "May this citizen or carer see this record?", "what proxies.yaml asks for", _online),
)
"""Asked of the actor and the person."""


def _entry_scope(case: Case, entry: Entry) -> Reason | None:
    scopes, letter = case.request.actor.scopes, case.request.interaction.value
    if allows(scopes, entry.type, letter):
        return None
    test = by_search(scopes, letter)
    if test is not None and test(entry):
        return None
    return Reason("scope", "The token's scopes do not grant this resource type.")


def _writes(case: Case, entry: Entry) -> Reason | None:
    letter = case.request.interaction.value
    if letter not in _WRITING or (entry.type, letter) in case.role.writes:
        return None
    return Reason("not-writing", "The job role may not write this resource type.")


def _heading(case: Case, entry: Entry) -> Reason | None:
    if entry.heading in case.role.headings:
        return None
    return Reason("heading", "The job role does not open this heading of the record.")


def _bar(case: Case, entry: Entry) -> Reason | None:
    if case.policy.barred(case.role, entry.labels) is None:
        return None
    return Reason("legal-bar", "The law keeps this entry from being shared, whoever asks.")


def _objection(case: Case, entry: Entry) -> Reason | None:
    if not any(entry.source == one.value for one in case.request.objections):
        return None
    return Reason("objection", "The person does not want what this organisation knows to be shared.")


def _entry_consent(case: Case, entry: Entry) -> Reason | None:
    said = case.say.on(entry)
    if said.effect == "deny":
        return Reason("consent", "The person does not want this to be shared with you.")
    if case.by_consent and said.effect != "permit":
        return Reason("consent", "The person has not said that this may be shared with you.")
    return None


def _agreement(case: Case, entry: Entry) -> Reason | None:
    if case.request.actor.kind in ONLINE:
        return None
    told = case.request.organisations
    if case.policy.agreements.shares_of(case.kind, entry.heading, case.purpose, entry.source, told):
        return None
    return Reason("agreement", "No sharing agreement opens this heading to your kind of organisation.")


def _very(case: Case, entry: Entry) -> Reason | None:
    return _label(case, entry) if case.policy.is_above_restricted(entry.labels) else None


def _label(case: Case, entry: Entry) -> Reason | None:
    if not case.policy.is_above(case.role, entry.labels):
        return None
    return Reason("label", "The entry is marked as more confidential than the job role may see.")


def _review(case: Case, entry: Entry) -> Reason | None:
    kind = case.request.actor.kind
    if kind in ONLINE and case.policy.waits_for_review(entry.labels):
        return Reason("not-online", "The entry is not shown online before somebody has looked at it.")
    if kind in case.policy.labels.withheld_unclassified and UNCLASSIFIED_TOKEN in entry.labels:
        return Reason("unclassified", "Nobody could tell yet how confidential the entry is.")
    return None


CONSENT_RULE: Rule[AskEntry] = Rule(
    "consent",
    "Has the person objected to sharing this with this asker?",
    "the person's withdrawing or changing their Consent; a broken glass where the policy lets it",
    _entry_consent,
    "objection",
)
"""The one rule that may look at more of an entry than its source, type, heading and labels."""

ENTRY_RULES: tuple[Rule[AskEntry], ...] = (
    Rule("scope", "Do the scopes grant the type?", "a scope for the resource type", _entry_scope),
    Rule("writing", "May the role write the type, where it writes?", "a role that writes the type", _writes),
    Rule("heading", "Does the role open the heading?", "a role that opens the heading", _heading),
    Rule("legal-bar", "Does a law keep it back?", "nothing but the law's own exceptions", _bar),
    Rule(
        "objection",
        "Does the source tell of an objection?",
        "the source's telling that the person has changed their mind",
        _objection,
    ),
    CONSENT_RULE,
    Rule("agreement", "Does an agreement share the heading?", "a row of agreements.yaml", _agreement),
    Rule("label-very", "Is it marked above R beyond the clearance?", "a role that is cleared for it", _very),
    Rule(
        "label",
        "Is it marked beyond the clearance?",
        "a role that is cleared for it, or a broken glass where the policy lets it",
        _label,
        "label",
    ),
    Rule("review", "May it be shown before somebody has looked at it?", "somebody's review of it", _review),
)
"""Asked of each entry."""
