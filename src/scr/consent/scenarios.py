"""Scenarios of decisions: who asks what of whom, and what must come of it.

The files are ``consent/scenarios/decisions*.yaml``, the project's own and a deployment's beside them. They
are tests, a page of the documentation (docs/decisions.md), and what ``scr consent test`` runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field

from scr.consent.actor import Actor, ActorKind
from scr.consent.breakglass import BrokenGlass
from scr.consent.decide import decide, entry_decider
from scr.consent.policy import Policy
from scr.consent.proxies import Capacity, Delegation, Online
from scr.consent.request import AccessRequest, Decision, Interaction, Obligation
from scr.consent.sharing import Asker, SharingRule
from scr.consent.ties import Tie, TieKind
from scr.data import DataFiles, Document, load_yaml
from scr.fhir.canonical import LABEL_SYSTEM
from scr.fhir.dates import interval, utc
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.fhir.standing import Death, Standing
from scr.terminology.systems import V3_ACT_CODE, V3_CONFIDENTIALITY

_SUBJECT, _PERSON = "issuer|user", "person"
_LEVELS = frozenset("ULMNRV")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Who(_Model):
    """Who asks. ``scopes`` as in a token."""

    kind: ActorKind = ActorKind.PROFESSIONAL
    role: str | None = None
    at: str | None = None
    scopes: str = "user/*.rs"
    assurance: str = ""


class TieFact(_Model):
    """A tie of an organisation; instants are FHIR dates."""

    of: str
    kind: TieKind
    since: str
    seen: str = ""
    until: str = ""


class Wish(_Model):
    """What the person has said in a Consent; what is left out narrows nothing."""

    deny: bool = True
    to: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    until: str = ""


class DelegationFact(_Model):
    """What a carer's access rests on; instants are FHIR dates."""

    basis: str
    since: str
    until: str = ""
    reviewed: str = ""
    used: str = ""
    suspended: str = ""


class OnlineFact(_Model):
    """What is known of who asks online."""

    own: bool = False
    born: str = ""
    capacity: Capacity = ""
    delegation: DelegationFact | None = None


class Facts(_Model):
    """What is known of the person, and whom the app was launched for that asks."""

    cared_for_by: tuple[str, ...] = ()
    ties: tuple[TieFact, ...] = ()
    objects_to: tuple[str, ...] = ()
    wishes: tuple[Wish, ...] = ()
    restricted: bool = False
    deceased: Death = ""
    verification: str = ""
    invalidated: bool = False
    glass: str = ""
    online: OnlineFact | None = None
    launched_for: Literal["", "this person", "another person"] = ""


class What(_Model):
    """The entry that is asked for. A label is a confidentiality, a sensitivity, or one of labels.yaml."""

    type: str
    heading: str
    source: str
    id: str = "e1"
    labels: tuple[str, ...] = ()


class Scenario(_Model):
    """One row of the table. ``answer`` is the code of the reason that decides, ``permitted`` for a permit."""

    name: str
    who: Who
    action: Interaction = Interaction.READ
    purpose: str = "TREAT"
    person: Facts = Facts()
    entry: What | None = None
    now: str = ""
    answer: str
    obligations: tuple[Obligation, ...] = ()


class _File(_Model):
    now: str
    organisations: dict[str, str]
    scenarios: tuple[Scenario, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Told:
    """A scenario, where it stands, and what it comes to as a request about a person or an entry."""

    scenario: Scenario
    where: str
    request: AccessRequest
    entry: Entry | None
    now: datetime

    def decision(self, policy: Policy) -> Decision:
        """What a policy says of it."""
        if self.entry is None:
            return decide(self.request, policy, self.now)
        return entry_decider(self.request, policy, self.now)(self.entry)

    def mistake(self, policy: Policy) -> str:
        """How the policy's answer differs from what must come of it; empty where it does not."""
        found = self.decision(policy)
        if found.code != self.scenario.answer:
            return f"the answer is {found.code}, and not {self.scenario.answer}"
        whole = decide(self.request, policy, self.now)
        missing = set(self.scenario.obligations) - whole.obligations
        return f"without the obligation {', '.join(sorted(missing))}" if missing else ""


def load_scenarios(files: DataFiles) -> tuple[Told, ...]:
    """Every scenario in force. Raises Invalid with file, line and key."""
    found: list[Told] = []
    for _, path in files.walk("consent", "scenarios/decisions*.yaml"):
        document = load_yaml(path)
        parsed = document.parse(_File)
        for i, scenario in enumerate(parsed.scenarios):
            try:
                found.append(_told(document, i, scenario, parsed))
            except ValueError as wrong:
                raise document.error(str(wrong), "scenarios", i, code="bad-scenario") from None
    return tuple(found)


def _told(document: Document, i: int, scenario: Scenario, parsed: _File) -> Told:
    who, person = scenario.who, scenario.person
    now = _ms(scenario.now or parsed.now)
    actor = Actor(
        who.kind,
        _SUBJECT,
        role=who.role,
        organisation=None if who.at is None else OdsCode.parse(who.at),
        scopes=frozenset(who.scopes.split()),
        assurance=who.assurance,
        launch=person.launched_for,
    )
    request = AccessRequest(
        actor,
        scenario.action,
        frozenset(map(OdsCode.parse, person.cared_for_by)),
        frozenset(map(OdsCode.parse, person.objects_to)),
        scenario.purpose,
        standing=Standing(
            person.verification,
            person.restricted,
            person.deceased,
            invalidated=int(person.invalidated),
        ),
        rules=tuple(map(_rule, person.wishes)),
        ties=tuple(map(_tie, person.ties)),
        glass=_glass(actor, person.glass) if person.glass else None,
        organisations=parsed.organisations,
        online=None if person.online is None else _online(person.online),
        serves=frozenset({who.kind}) if person.online is not None else frozenset({ActorKind.PROFESSIONAL}),
        patients=frozenset({"this person"}),
    )
    entry = None if scenario.entry is None else _entry(scenario.entry)
    return Told(scenario, document.where("scenarios", i), request, entry, utc(now))


def _rule(wish: Wish) -> SharingRule:
    rule = SharingRule(
        deny=wish.deny,
        consent="scenario",
        askers=tuple(_asker(one) for one in wish.to),
        sources=wish.sources,
        headings=wish.headings,
        labels=tuple(map(_label, wish.labels)),
        things=wish.entries,
    )
    return rule if not wish.until else replace(rule, ends=_ms(wish.until))


def _asker(text: str) -> Asker:
    return Asker("person", text) if "|" in text else Asker("organisation", OdsCode.parse(text).value)


def _tie(fact: TieFact) -> Tie:
    organisation = OdsCode.parse(fact.of)
    since = _ms(fact.since)
    claimed = ("", "") if fact.kind != "self-claimed" else (_SUBJECT, "R8000")
    return Tie(
        organisation,
        fact.kind,
        since,
        organisation,
        _ms(fact.seen) if fact.seen else since,
        _ms(fact.until) if fact.until else None,
        *claimed,
    )


def _glass(actor: Actor, span: str) -> BrokenGlass:
    since, _, until = span.partition("/")
    role, organisation = actor.role, actor.organisation
    if role is None or organisation is None:
        raise ValueError("a glass is broken in a role and at an organisation: give `role` and `at`")
    return BrokenGlass("g1", _PERSON, actor.subject, role, organisation, _ms(since), _ms(until))


def _online(fact: OnlineFact) -> Online:
    told = fact.delegation
    if told is None:
        return Online(fact.own, fact.born, fact.capacity)
    delegation = Delegation(
        told.basis,
        _ms(told.since),
        _ms(told.until) if told.until else None,
        _ms(told.reviewed) if told.reviewed else None,
        _ms(told.used) if told.used else None,
        told.suspended,
    )
    return Online(fact.own, fact.born, fact.capacity, delegation)


def _entry(what: What) -> Entry:
    return Entry(
        type=what.type,
        id=what.id,
        source=what.source,
        heading=what.heading,
        body=b"{}",
        labels=tuple(map(_label, what.labels)),
    )


def _label(text: str) -> str:
    system = V3_CONFIDENTIALITY if text in _LEVELS else V3_ACT_CODE if text.isupper() else LABEL_SYSTEM
    return f"{system}|{text}"


def _ms(text: str) -> int:
    found = interval(text)
    if found is None:
        raise ValueError(f"{text!r} is not a FHIR date")
    return found[0]
