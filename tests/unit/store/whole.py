"""Somebody of whom something stands in every table that holds anything of a person."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from sqlalchemy import Connection, text
from tests.support import consents
from tests.unit.store.samples import FAMILY, NOW, nhs_number, note

from scr.consent.spread import Marks
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index, links
from scr.store import (
    challenges,
    claims,
    delegations,
    erasures,
    jobs,
    labelled,
    last_look,
    locator,
    look_questions,
    messages,
    notices,
    pulled,
    quarantine,
    sharing,
    snapshots,
    trail,
)
from scr.store import links as stored_links
from scr.store.engine import Database
from scr.store.filing import file_entries
from scr.store.keys import KeyRing
from scr.store.messages import MessageState
from scr.store.people import Person, person_by_key
from scr.store.records import load_history, load_record

TEXT = "lymphangioma of the orbit"
WHY = "it was asked for in writing"
GP, TRUST = OdsCode("A81001"), OdsCode("ZZH01")
LATER = NOW + 10**9


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of somebody that must not be read anywhere but through a key."""

    number: NHSNumber = field(default_factory=lambda: nhs_number(0))
    family: str = FAMILY
    given: str = "Wilhelmina"
    postcode: str = "ZZ99 3WZ"
    text: str = TEXT

    @classmethod
    def fresh(cls) -> Words:
        """Words that nobody has said before."""
        family, given, text = (secrets.token_hex(8) for _ in range(3))
        return cls(nhs_number(1000 + secrets.randbelow(3000)), family, given, "ZZ99 9ZZ", text)

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """Each as it may be written."""
        words = (self.number.value, self.number.spaced, self.family, self.family.upper(), self.given)
        return tuple(word.encode() for word in (*words, self.text))


@dataclass(frozen=True, slots=True)
class Whole:
    """Somebody, whom they are linked with, and what has an id."""

    key: str
    other: str
    message: str
    long: str
    item: str
    shared: str
    snapshot: str
    link: stored_links.LinkId
    look: str

    words: Words


def fill(database: Database, keys: KeyRing, words: Words | None = None) -> Whole:
    """Write it, by the modules that write it in a deployment."""
    return database.write_now(lambda connection: _fill(connection, keys, words or Words()))


def _fill(connection: Connection, keys: KeyRing, words: Words) -> Whole:
    told = Demographics(words.family, (words.given,), "1951-02-03", "female", words.postcode)
    person = index.register(connection, keys, words.number, told, NOW)
    other = index.register(connection, keys, nhs_number(1), told, NOW)
    index.learn_local(connection, keys, person, "urn:ods:ZZH01", "local-" + words.number.value)
    index.relate(connection, person, TRUST, "care", TRUST, NOW)
    ids = _messages(connection, keys, person, words)
    for version in range(3):
        entry = note("observed", f"{words.text} {version}", source="ZZH01")
        file_entries(connection, keys, person, [entry], NOW + version)
    file_entries(connection, keys, other, [note("of-the-other", words.text)], NOW)
    sharing.create(
        connection,
        keys,
        person,
        consents.consent({"type": "deny"}, sourceReference={"display": words.text}),
        NOW,
    )
    labelled._keep(connection, person, Marks({f"Observation/{words.text}": frozenset({words.text})}))
    look = _look(connection, keys, person, words)
    snapshot = _answers(connection, keys, person, words)
    link = _said(connection, keys, person, other, look, words)
    return Whole(person.key, other.key, *ids, snapshot, link, look, words)


def _messages(
    connection: Connection, keys: KeyRing, person: Person, words: Words
) -> tuple[str, str, str, str]:
    """One of theirs, a long one, a part in quarantine, and a file about several that names them."""
    told = (person.nhs_number.value, words.family, words.given, words.postcode, words.text)
    raw = "|".join(("PID", *told)).encode()
    own = messages.keep(connection, keys, TRUST, "adt", raw, NOW).id
    long = messages.keep(connection, keys, TRUST, "letters", raw + b"." * 1_000_001, NOW).id
    token = index.token_of(keys, person.nhs_number)
    item = quarantine.quarantine(connection, keys, own, "a", "unit 1", "c", "s", raw, NOW, claimed=token)
    for message in (own, long):
        messages.finish(connection, keys, message, MessageState.FILED, {"filed": 1}, person)
    theirs = f"{person.nhs_number.spaced},{words.family},{words.text}"
    rows = f"NHSNo,Name,Note\n{theirs}\n{nhs_number(1).value},Other,x\n"
    shared = messages.keep(connection, keys, TRUST, "csv", rows.encode(), NOW).id
    quarantine.quarantine(connection, keys, shared, "a", "row 1", "c", "s", raw, NOW, claimed=token)
    messages.finish(connection, keys, shared, MessageState.FILED, {"filed": 2})
    return own, long, item, shared


def _look(connection: Connection, keys: KeyRing, person: Person, words: Words) -> str:
    row = trail.AuditRow(NOW, "somebody", "R", "Patient", "success", person=person.key)
    shown = last_look.Shown({f"Observation/{words.text}": ("1", "ZZH01")})
    last_look.keep(connection, keys, person, "somebody", last_look.packed(shown), NOW)
    return trail.append(connection, row)


def _answers(connection: Connection, keys: KeyRing, person: Person, words: Words) -> str:
    """What is kept of questions and their answers."""
    locator.remember_served(connection, person, [note("served", words.text, source="A81001")])
    copy = pulled.Copy(person.nhs_number.value, person.patient_id, "m", (note("pulled", words.text),))
    pulled.keep(connection, person, GP, copy, NOW)
    snapshot = snapshots.save(connection, keys, person, "somebody", words.text.encode(), NOW, 10**9)
    jobs.begin(connection, keys, person, "somebody", words.text.encode(), NOW, lease=0, lives=10**9)
    return snapshot


def _said(
    connection: Connection, keys: KeyRing, person: Person, other: Person, look: str, words: Words
) -> stored_links.LinkId:
    """What people have said, and what was said to them."""
    notices.add(connection, person, notices.NoticeKind.RESULT, "r", {"entry": words.text}, NOW)
    notices.choose(connection, person, {notices.NoticeKind.RESULT: notices.Choice()})
    said = challenges.Said("Observation/observed", words.text, words.text, "Trust", "sub", "adder", own=True)
    challenge = challenges.Challenge(person.key, "challenged", TRUST.value, "open", NOW, LATER)
    challenges.open_challenge(connection, person, challenge, said, sends=True)
    claim = claims.Claim(
        "", person.key, claims.ClaimKind.GLASS, "sub", "Ann", "R1", "Nurse", TRUST, "T", "ETREAT", NOW, LATER
    )
    claim = claims.add(connection, person, claim, words.text)
    verdict = claims.Verdict.APPROPRIATE
    claims.review(connection, person, claim, claims.Review(NOW, "Bo", verdict, words.text))
    terms = delegations.Terms(words.text, words.family)
    delegated = delegations.Delegated("", person.key, NOW, LATER, terms)
    delegations.add(connection, keys, person, delegated, "code", LATER)
    assessed = delegations.Assessed(NOW, "present", "by", "name", words.text)
    delegations.assess(connection, person, assessed)
    question = look_questions.ask(
        connection, person, look, look_questions.Asked(words.text, "s", words.family, ""), NOW
    )
    look_questions.answer(connection, person, question, look_questions.Answered(words.text, "s", "Bo"), NOW)
    erasures.ask(connection, person, "Ann", WHY, NOW)
    evidence = {"seen": words.text}
    return links.link(
        connection, keys, other, person, kind="reviewed", reasons=("r",), evidence=evidence, by="Ann", now=NOW
    )


def read_all(database: Database, keys: KeyRing, whole: Whole) -> None:
    """Open all of it, by the modules that read it; raises where something cannot be."""
    database.write_now(lambda connection: _read_all(connection, keys, whole))


def _read_all(connection: Connection, keys: KeyRing, whole: Whole) -> None:
    words = whole.words
    person, other = (person_by_key(connection, keys, key) for key in (whole.key, whole.other))
    assert person is not None
    assert other is not None
    assert index.find(connection, keys, words.number) == person
    assert person.demographics.family == other.demographics.family == words.family
    assert len(load_record(connection, keys, person)) >= 2
    assert [entry.version for _, entry in load_history(connection, keys, "observed")][-1] == "1"
    assert words.text.encode() in messages.open_raw(connection, keys, whole.message)
    assert len(messages.open_raw(connection, keys, whole.long)) > 1_000_000
    assert words.text.encode() in quarantine.open_quarantined(connection, keys, whole.item)[1]
    assert words.text.encode() in messages.open_raw(connection, keys, whole.shared)
    assert sharing.rules_for(connection, [person])
    assert labelled.read_marks(connection, person).passes
    assert last_look.load(connection, keys, person, "somebody") is not None
    head = connection.execute(text("SELECT head FROM locator WHERE id = 'served'")).scalar_one()
    located = locator.Located(person.key, GP, held=False, head=head)
    assert locator.as_served(located, person, "served") is not None
    copy = pulled.read(connection, keys, person.key, GP)
    assert copy is not None
    assert copy[0].number == person.nhs_number.value
    assert snapshots.load(connection, keys, whole.snapshot, "somebody", NOW) is not None
    taken = jobs.take(connection, NOW, 0)
    assert taken is not None
    assert jobs.question_of(connection, keys, taken, NOW) == (whole.key, words.text.encode())
    assert notices.notices_of(connection, [person])[0].details == {"entry": words.text}
    assert challenges.find(connection, keys, "challenged").said.what == words.text
    [claim] = claims.latest(connection, 1)
    assert claims.reason_of(connection, person, claim) == words.text
    assert claims.reviews_of(connection, person, claim)[0].note == words.text
    assert delegations.of_people(connection, [person])[0].terms.calls == words.family
    assert delegations.assessments(connection, [person])[0].evidence == words.text
    [asked] = look_questions.of_people(connection, [person])
    assert asked.answer is not None
    assert asked.answer.text == asked.question.text == words.text
    link = stored_links.read(connection, whole.link)
    assert stored_links.grounds_of(connection, keys, link).evidence == {"seen": words.text}
    assert erasures.of_person(connection, person) is not None
