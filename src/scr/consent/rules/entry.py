"""What is asked of each entry: its type, heading, source, labels, and what the person said of it."""

from __future__ import annotations

from scr.consent.case import Case
from scr.consent.label_policy import UNCLASSIFIED_TOKEN
from scr.consent.policy import ONLINE
from scr.consent.request import Reason
from scr.consent.rules.rule import AskEntry, Rule
from scr.consent.scopes import allows, by_search
from scr.fhir.entry import Entry

_WRITING = frozenset({"c", "u"})


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
