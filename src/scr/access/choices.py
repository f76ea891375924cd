"""What a person chooses about the sharing of their record: checked, written, and told in plain words.

Each choice is a Consent, whoever wrote it down: what it does and what it costs is told from the rules that it
comes to, and so are the Consents that staff wrote for the person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import orjson
from sqlalchemy import Connection

from scr.broker.known import Known
from scr.consent.consents import rules_of
from scr.consent.policy import Policy
from scr.consent.sharing import SharingRule
from scr.errors import Invalid, NotFound, Unprocessable
from scr.fhir.choices import Choice, as_if_active, consent_of, status_of, withdrawn
from scr.fhir.dates import LONDON, utc
from scr.fhir.entry import Entry, Resource
from scr.fhir.headings import HEADINGS
from scr.fhir.identifiers import OdsCode
from scr.fhir.privacy_consent import ALWAYS
from scr.store import sharing
from scr.store.keys import KeyRing
from scr.store.sharing import Said

NO_CHOICE = "there is no such choice of yours"
MOST = 50
_ENTRY = re.compile(r"[A-Z][A-Za-z]{1,60}/[A-Za-z0-9.-]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice as it stands. ``at`` is ms UTC. ``does`` and ``costs`` are sentences for the person."""

    id: str
    version: str
    active: bool
    at: int
    consent: Resource
    does: tuple[str, ...]
    costs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Tells what choices do. ``names`` are those of organisations, by ODS code."""

    policy: Policy
    names: Mapping[str, str]

    def chosen(self, entry: Entry) -> Chosen:
        """A Consent of the person's."""
        consent = orjson.loads(entry.body)
        try:
            rules = rules_of(as_if_active(consent))
        except Unprocessable:  # it denies everything then
            rules = (SharingRule(deny=True),)
        active = status_of(consent) == "active"
        sealed = {exception for rule in rules if rule.sealed for exception in rule.unless}
        rules = tuple(rule for rule in rules if rule not in sealed)  # told with what seals it
        does = tuple(self.does(rule) for rule in rules)
        costs = tuple(dict.fromkeys(self.costs(rule) for rule in rules))
        return Chosen(entry.id, entry.version, active, entry.last_updated, consent, does, costs)

    def does(self, rule: SharingRule) -> str:
        """What a rule does."""
        if rule.sealed:
            return f"Nobody but who wrote it may see {self._what(rule)}{_when(rule)}."
        verb = "may not see" if rule.deny else "may see"
        sentence = f"{self._askers(rule)} {verb} {self._what(rule)}{_when(rule)}."
        if rule.unless:
            sentence = f"{sentence[:-1]}, but for what you allow beside it."
        return sentence[:1].upper() + sentence[1:]

    def costs(self, rule: SharingRule) -> str:
        """What it costs the person."""
        if not rule.deny:
            return "They see it until you change this or it ends."
        if rule.sealed:
            return (
                "Who wrote it goes on seeing it here; everybody else may ask you again, repeat a test, or "
                "decide without knowing it, in an emergency too."
            )
        if rule.whole and not rule.askers:
            return (
                "Nobody who cares for you sees this record, in an emergency either: not your allergies, your "
                "medicines or your wishes. What each of them keeps themselves they still have."
            )
        if rule.whole:
            return "They go by what they hold themselves and by what you tell them, in an emergency too."
        return "Whoever is kept from it may ask you again, repeat a test, or decide without knowing it."

    def _askers(self, rule: SharingRule) -> str:
        told = [self._asker(one.kind, one.value) for one in rule.askers]
        return " and ".join(told) if told else "nobody else" if rule.deny else "everybody who cares for you"

    def _asker(self, kind: str, value: str) -> str:
        if kind == "organisation":
            return f"everybody at {self.names.get(value, value)}"
        if kind == "role":
            role = self.policy.roles.get(value)
            return f"everybody who works as {value if role is None else role.name}"
        if kind == "author":
            return "the organisation that wrote it"
        return "one professional whom you named" if kind == "professional" else "one carer whom you named"

    def _what(self, rule: SharingRule) -> str:
        parts = []
        if rule.things:
            parts.append("one entry" if len(rule.things) == 1 else f"{len(rule.things)} entries")
        if rule.labels:
            parts.append(f"what is marked {', '.join(self._label(one) for one in rule.labels)}")
        if rule.headings or rule.types:
            parts.append(", ".join([*(HEADINGS.get(one, one) for one in rule.headings), *rule.types]))
        if rule.dated:
            parts.append("what is dated in a certain time")
        if rule.sources:
            parts.append(f"what {', '.join(self.names.get(one, one) for one in rule.sources)} told")
        return " of ".join(parts) or "anything of your record"

    def _label(self, token: str) -> str:
        code = token.rpartition("|")[2]
        label = self.policy.labels.labels.get(code)
        return code if label is None else label.name


def check(policy: Policy, choice: Choice, now: int) -> None:
    """Raises Invalid, with the field, where a choice cannot be made so."""
    if choice.effect == "permit" and not choice.carers:
        message = "a permit lets in a carer: it opens nothing more to those who care for you in their job"
        raise Invalid(message, code="bad-effect", where="effect")
    if choice.effect == "permit" and not choice.until:
        raise Invalid("an access for a carer needs an end", code="bad-until", where="until")
    if choice.effect == "seal" and (choice.to or choice.roles or choice.carers):
        raise Invalid("what is sealed is kept from everybody but who wrote it", code="bad-effect", where="to")
    _each("headings", choice.headings, lambda one: one in HEADINGS)
    _each("labels", choice.labels, lambda one: one in policy.labels.labels)
    _each("roles", choice.roles, lambda one: one in policy.roles)
    _each("entries", choice.entries, lambda one: _ENTRY.match(one) is not None)
    _each("to", choice.to, _is_ods)
    _each("but", choice.but, _is_ods)
    if choice.but and (choice.effect != "deny" or choice.to or choice.roles or choice.carers or choice.of):
        raise Invalid("goes with a deny to everybody", code="bad-but", where="but")
    _each("of", choice.of, _is_ods)
    _each("carers", choice.carers, lambda one: all(one.partition("|")[::2]))
    if choice.effect == "permit" and choice.labels:
        raise Invalid("a category is sealed, and not let through", code="bad-effect", where="labels")
    if choice.until and not _later(choice.until, now):
        raise Invalid("a day from today on, such as 2027-01-31", code="bad-until", where="until")


def create(connection: Connection, keys: KeyRing, known: Known, choice: Choice, now: int) -> Entry:
    """Write a choice down as a Consent: it is in force for the next request. Raises Invalid."""
    active = [
        entry
        for entry in sharing.consents_of(connection, known.view)
        if status_of(orjson.loads(entry.body)) == "active"
    ]
    if len(active) >= MOST:
        raise Invalid("too many choices are in force: withdraw one first", code="too-many-choices")
    consent = consent_of(choice, known.person.patient_id, now)
    return sharing.create(connection, keys, known.person, consent, now)


def withdraw(
    connection: Connection, keys: KeyRing, known: Known, logical: str, version: str, now: int
) -> Entry:
    """The way back: the Consent has no effect any more. Its versions are kept.

    Raises NotFound for what is none of the person's, PreconditionFailed where it is another version by now.
    """
    said = own(connection, keys, known, logical)
    consent = withdrawn(orjson.loads(said.entry.body), now)
    return sharing.update(connection, keys, said, consent, version, now)


def own(connection: Connection, keys: KeyRing, known: Known, logical: str) -> Said:
    """A choice of the person's. Raises NotFound, whether it is another's or nobody's."""
    said = sharing.find(connection, keys, logical)
    if said is None or said.person.key not in {each.key for each in known.view}:
        raise NotFound(NO_CHOICE, code="no-choice")
    return said


def tried(known: Known, choice: Choice, now: int) -> tuple[SharingRule, ...]:
    """What would be in force with a choice beside what is in force now. Raises Unprocessable."""
    draft = rules_of({**consent_of(choice, known.person.patient_id, now), "id": "draft"})
    return (*known.rules, *draft)


def without(known: Known, logical: str) -> tuple[SharingRule, ...]:
    """What would be in force without a choice."""
    return tuple(rule for rule in known.rules if rule.consent != logical)


def _each(field: str, values: Sequence[str], good: Callable[[str], bool]) -> None:
    if len(values) > MOST or not all(map(good, values)):
        raise Invalid("names one that there is not", code=f"bad-{field}", where=field)


def _is_ods(text: str) -> bool:
    try:
        return bool(OdsCode.parse(text))
    except ValueError:
        return False


def _later(text: str, now: int) -> bool:
    try:
        return date.fromisoformat(text) >= utc(now).astimezone(LONDON).date()
    except ValueError:
        return False


def _when(rule: SharingRule) -> str:
    if rule.ends >= ALWAYS[1]:
        return ""
    last = utc(rule.ends - 1).astimezone(LONDON).date()
    return f" until {last.day} {last:%B %Y}"
