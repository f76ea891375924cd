"""What is asked of the actor and the person: what the one has to do with the other, and what was said."""

from __future__ import annotations

from dataclasses import replace

from scr.consent.actor import ActorKind
from scr.consent.breakglass import BTG
from scr.consent.case import Case
from scr.consent.policy import ONLINE
from scr.consent.proxies import Delegation, Online, carer_denial, citizen_denial
from scr.consent.request import Reason
from scr.consent.rules.rule import AskWhole, Rule
from scr.consent.ties import has_tie
from scr.fhir.dates import milliseconds
from scr.fhir.privacy_consent import ALWAYS

_VERIFICATIONS = frozenset({"", "01", "02", "03", "04", "05", "06", "07", "08"})
"""UKCore-NHSNumberVerificationStatusEngland; empty where the register was never asked."""


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
