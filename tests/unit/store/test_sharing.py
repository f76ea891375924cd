"""Consents in the store: kept with the record, their rules found with one read, and gone with the person."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, func, select
from tests.support import consents as c
from tests.unit.store.samples import NOW, nhs_number

from scr.errors import Fault, PreconditionFailed, Unprocessable
from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry, pack
from scr.store import sharing
from scr.store.engine import Database
from scr.store.filing import file_entries
from scr.store.keys import KeyRing, seal
from scr.store.people import Person, add_person, erase_person
from scr.store.tables import SHARING

DENY_ALL: c.Tree = {"type": "deny"}
DENY_ORG: c.Tree = {"type": "deny", "actor": [c.asker("ZZH01")]}


def someone(database: Database, keys: KeyRing, number: int = 0) -> Person:
    """A person of their own."""
    return database.write_now(lambda conn: add_person(conn, keys, nhs_number(number), Demographics(), NOW))


def say(database: Database, keys: KeyRing, person: Person, consent: c.Tree) -> Entry:
    """Keep a Consent."""
    return database.write_now(lambda conn: sharing.create(conn, keys, person, consent, NOW))


def change(
    database: Database, keys: KeyRing, entry: Entry, consent: c.Tree, version: str | None = None
) -> Entry:
    """Keep the next version of a Consent."""

    def write(conn: Connection) -> Entry:
        said = sharing.find(conn, keys, entry.id)
        assert said is not None
        return sharing.update(conn, keys, said, consent, version or said.entry.version, NOW + 1)

    return database.write_now(write)


def test_what_is_said_is_in_force_until_it_is_withdrawn(database: Database, keys: KeyRing) -> None:
    """Each version's rules take the place of the last one's; a person with none has no row."""
    person = someone(database, keys)
    assert database.read_now(lambda conn: sharing.rules_for(conn, [person])) == ()
    first = say(database, keys, person, c.consent(DENY_ALL))
    second = say(database, keys, person, c.consent(DENY_ORG))
    rules = database.read_now(lambda conn: sharing.rules_for(conn, [person]))
    assert {(rule.consent, rule.version, rule.whole) for rule in rules} == {
        (first.id, "1", True),
        (second.id, "1", True),
    }
    again = change(database, keys, first, c.consent(DENY_ALL, status="inactive"))
    assert again.version == "2"
    [left] = database.read_now(lambda conn: sharing.rules_for(conn, [person]))
    assert left.consent == second.id
    change(database, keys, second, c.consent(DENY_ORG, status="entered-in-error"))
    assert database.read_now(lambda conn: conn.scalar(select(func.count()).select_from(SHARING))) == 0
    assert [
        one.entry.version for one in database.read_now(lambda k: sharing.versions(k, keys, first.id))
    ] == [
        "2",
        "1",
    ]


def test_an_older_version_is_not_written_over_a_newer(database: Database, keys: KeyRing) -> None:
    """Who has not read the present version is told so, and nothing changes."""
    person = someone(database, keys)
    entry = say(database, keys, person, c.consent(DENY_ALL))
    change(database, keys, entry, c.consent(DENY_ORG))
    with pytest.raises(PreconditionFailed):
        change(database, keys, entry, c.consent(DENY_ALL, status="inactive"), "1")
    [rule] = database.read_now(lambda conn: sharing.rules_for(conn, [person]))
    assert rule.version == "2"


def test_what_cannot_be_read_is_not_kept(database: Database, keys: KeyRing) -> None:
    """A Consent that is refused leaves neither a resource nor a rule."""
    person = someone(database, keys)
    with pytest.raises(Unprocessable):
        say(database, keys, person, c.consent({"type": "deny", "code": [c.coded("urn:x", "y")]}))
    assert database.read_now(lambda conn: sharing.consents_of(conn, [person])) == []
    assert database.read_now(lambda conn: sharing.rules_for(conn, [person])) == ()


def test_a_suppliers_consent_is_none_of_these(database: Database, keys: KeyRing) -> None:
    """Advance decisions that a source sends are not found as the person's say."""
    person = someone(database, keys)
    theirs = pack({**c.consent(DENY_ALL), "id": "theirs"}, source="ZZH01", now=NOW)
    database.write_now(lambda conn: file_entries(conn, keys, person, [theirs], NOW))
    own = say(database, keys, person, c.consent(DENY_ORG))
    assert database.read_now(lambda conn: sharing.find(conn, keys, "theirs")) is None
    assert database.read_now(lambda conn: sharing.versions(conn, keys, "theirs")) == []
    found = database.read_now(lambda conn: sharing.consents_of(conn, [person]))
    assert [entry.id for entry in found] == [own.id]


def test_rules_are_sealed_for_their_person(database: Database, keys: KeyRing) -> None:
    """A row that is moved to somebody else opens nothing; erasing the person takes it along."""
    one, other = someone(database, keys, 1), someone(database, keys, 2)
    say(database, keys, one, c.consent(DENY_ALL))

    def move(conn: Connection) -> None:
        conn.execute(SHARING.update().values(person=other.key))

    database.write_now(move)
    with pytest.raises(Fault, match="cannot be opened"):
        database.read_now(lambda conn: sharing.rules_for(conn, [one, other]))
    database.write_now(lambda conn: erase_person(conn, keys, other))
    assert database.read_now(lambda conn: conn.scalar(select(func.count()).select_from(SHARING))) == 0


def test_who_is_read_as_one_has_said_what_any_of_them_said(database: Database, keys: KeyRing) -> None:
    """The rules of a view are those of all of its persons; each keeps its own when they are parted."""
    one, other, third = (someone(database, keys, number) for number in (1, 2, 3))
    first = say(database, keys, one, c.consent(DENY_ALL))
    second = say(database, keys, other, c.consent(DENY_ORG))
    both = database.read_now(lambda conn: sharing.rules_for(conn, [one, third, other]))
    assert [rule.consent for rule in both] == [first.id, second.id]
    assert [rule.consent for rule in database.read_now(lambda k: sharing.rules_for(k, [other]))] == [
        second.id
    ]
    assert database.read_now(lambda conn: sharing.rules_for(conn, [third])) == ()


def test_rules_of_another_version_of_the_program_deny_everything(database: Database, keys: KeyRing) -> None:
    """What is sealed rightly and cannot be read is no permission."""
    person = someone(database, keys)
    say(database, keys, person, c.consent({"type": "permit", "actor": [c.carer("9990000018")]}))

    def rewrite(conn: Connection) -> None:
        sealed = seal(person.data_key, b"\x93\x01\x02\x03", f"sharing/{person.key}".encode())
        conn.execute(SHARING.update().values(sealed=sealed))

    database.write_now(rewrite)
    [rule] = database.read_now(lambda conn: sharing.rules_for(conn, [person]))
    assert rule.deny
    assert rule.whole
    assert not rule.unless
