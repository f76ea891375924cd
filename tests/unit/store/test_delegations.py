"""Who may act for whom, on each database: taken up once, ended for all, and gone with the person."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from scr.errors import Fault
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.store import delegations, look_questions
from scr.store.delegations import Assessed, Delegated, State, Terms
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.look_questions import Answered, Asked
from scr.store.people import Person, add_person, erase_person

NUMBER = NHSNumber("9995100002")
TERMS = Terms("consent", "Carl", headings=("allergies",))


def person_of(connection: Connection, keys: KeyRing) -> Person:
    """Somebody new."""
    return add_person(connection, keys, NUMBER, Demographics(), 1)


def test_an_invitation_is_taken_up_once_and_ended_for_good(database: Database, keys: KeyRing) -> None:
    """By the code alone and in its time; the second who comes has nothing, and what was ended opens nothing,
    whatever is written after it."""

    def work(connection: Connection) -> None:
        person = person_of(connection, keys)
        made = delegations.add(connection, keys, person, Delegated("", "", 1, 1000, TERMS), "CODE", 100)
        assert made.state(99) is State.INVITED
        assert made.state(100) is State.LAPSED
        assert delegations.by_code(connection, keys, "code", 50) is None
        assert delegations.by_code(connection, keys, "CODE", 100) is None
        found = delegations.by_code(connection, keys, "CODE", 99)
        assert found is not None
        assert found[1] == made
        for carer, gets in (("i|carl", True), ("i|eve", False)):
            terms = Terms("consent", "Carl", carer=carer, carer_name="C")
            taken = delegations.accept(connection, keys, person, made, terms, 60)
            assert (taken is not None) is gets
        assert delegations.by_code(connection, keys, "CODE", 61) is None
        [(whose, mine)] = delegations.of_carer(connection, keys, "i|carl")
        assert (whose.key, mine.since, mine.state(61)) == (person.key, 60, State.IN_FORCE)
        assert delegations.of_carer(connection, keys, "i|eve") == []
        delegations.note_use(connection, mine, 70)
        delegations.note_use(connection, replace(mine, used=70), 71)
        delegations.change(connection, person, replace(mine, ended=80))
        delegations.change(connection, person, replace(mine, until=2000))
        [after] = delegations.of_people(connection, [person])
        assert (after.ended, after.until, after.used, after.state(81)) == (80, 1000, 70, State.ENDED)
        assert [one.ended for _, one in delegations.of_carer(connection, keys, "i|carl")] == [80]

    database.write_now(work)


def test_it_is_sealed_with_the_person_and_goes_with_them(database: Database, keys: KeyRing) -> None:
    """Nothing of a carer stands in the clear; another ring of keys opens nothing; and an erased person has
    neither accesses nor questions."""

    def write(connection: Connection) -> tuple[Person, str, str]:
        person = person_of(connection, keys)
        terms = Terms("consent", "Carl Carer", carer="i|carl")
        one = delegations.add(connection, keys, person, Delegated("", "", 1, 9, terms), "CODE", 5)
        delegations.assess(connection, person, Assessed(3, "absent", "i|doc", "Doc", "seen"))
        delegations.assess(connection, person, Assessed(4, "present", "i|doc", "Doc", "seen"))
        question = look_questions.ask(connection, person, "look", Asked("Why?", "i|ada", "Ada", "x"), 6)
        assert look_questions.answer(connection, person, question, Answered("So.", "i|off", "Off"), 7)
        assert not look_questions.answer(connection, person, question, Answered("No.", "i|off", "Off"), 8)
        return person, one.id, question.id

    person, one, question = database.write_now(write)
    rows = database.read_now(
        lambda conn: conn.exec_driver_sql("SELECT person, id, carer, code, sealed FROM delegation").all()
    )
    assert not any(word in str(rows) for word in ("Carl", "CODE", "i|carl"))
    others = KeyRing(b"x" * 32, b"y" * 32)
    with pytest.raises(Fault):
        database.read_now(lambda conn: delegations.by_id(conn, others, one))
    told = database.read_now(lambda conn: delegations.assessments(conn, [person]))
    assert [each.capacity for each in told] == ["absent", "present"]
    [asked] = database.read_now(lambda conn: look_questions.of_people(conn, [person]))
    assert asked.answer == Answered("So.", "i|off", "Off")
    database.write_now(lambda conn: erase_person(conn, keys, person))
    assert database.read_now(lambda conn: delegations.by_id(conn, keys, one)) is None
    assert database.read_now(lambda conn: look_questions.by_id(conn, keys, question)) is None
