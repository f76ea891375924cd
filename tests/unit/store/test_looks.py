"""What is kept of a look, and of an answer that is made while nobody waits."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import Connection, func, select

from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.store import jobs, snapshots
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.last_look import Shown, keep, load
from scr.store.people import Person, add_person, erase_person
from scr.store.tables import JOB, LAST_LOOK, SNAPSHOT

SHOWN = Shown({"Observation/a": ("v1", "RXX"), "Condition/b": ("v1", "QXX")}, ("C99",))


@pytest.fixture
def person(database: Database, keys: KeyRing) -> Person:
    """Somebody."""
    number = NHSNumber("9995100002")
    return database.write_now(lambda conn: add_person(conn, keys, number, Demographics(), 1))


def _rows(database: Database) -> list[int]:
    def count(connection: Connection) -> list[int]:
        tables = LAST_LOOK, JOB, SNAPSHOT
        return [connection.execute(select(func.count()).select_from(one)).scalar_one() for one in tables]

    return database.read_now(count)


def test_a_look_is_its_subject_s_the_last_one_stands_and_it_goes_with_the_person(
    database: Database, keys: KeyRing, person: Person
) -> None:
    """Another's is another; the same again is later, not more; nothing of it is left of an erased person."""
    other = Shown({"Observation/a": ("v2", "RXX")})

    def looks(subject: str) -> tuple[int, Shown] | None:
        found = database.read_now(lambda conn: load(conn, keys, person, subject))
        return None if found is None else (found.at, found.shown)

    for at, shown in ((5, SHOWN), (6, SHOWN), (7, other), (8, SHOWN)):
        database.write_now(partial(keep, keys=keys, person=person, subject="me", shown=shown, now=at))
        assert looks("me") == (at, shown)
    assert looks("you") is None
    raw = database.read_now(lambda conn: conn.execute(select(LAST_LOOK)).one())
    assert b"Observation" not in raw.sealed
    assert "me" not in raw.subject.split()
    database.write_now(lambda conn: erase_person(conn, keys, person))
    assert _rows(database)[0] == 0


def test_an_answer_is_found_by_whoever_asked_until_its_time_is_over(
    database: Database, keys: KeyRing, person: Person
) -> None:
    """Running, done or failed; one whose process says nothing in time has failed, and cannot come back."""

    def begun() -> str:
        return database.write_now(
            lambda conn: jobs.begin(conn, keys, person, "me", 1000, lease=10, lives=100)
        )

    def pinned() -> str:
        return database.write_now(lambda conn: snapshots.save(conn, keys, person, "me", b"x", 1000, 100))

    def state(job: str, now: int, subject: str = "me") -> str | None:
        found = database.read_now(lambda conn: jobs.find(conn, keys, job, subject, now))
        return None if found is None else found.state

    one, two, three = begun(), begun(), begun()
    assert (state(one, 1009), state(one, 1010), state(one, 1009, "you"), state("x", 1)) == (
        "running", "failed", None, None,
    )  # fmt: skip
    snapshot = pinned()
    assert database.write_now(lambda conn: jobs.finish(conn, one, snapshot))
    assert database.write_now(lambda conn: jobs.finish(conn, two, None))
    assert (state(one, 1050), state(two, 1005), state(one, 1100)) == ("done", "failed", None)
    assert not database.write_now(lambda conn: jobs.drop(conn, keys, three, "you"))
    assert database.write_now(lambda conn: jobs.drop(conn, keys, three, "me"))
    late = pinned()
    assert not database.write_now(lambda conn: jobs.finish(conn, three, late))
    assert _rows(database) == [0, 2, 1]
    assert database.write_now(lambda conn: jobs.drop(conn, keys, one, "me"))
    assert database.write_now(lambda conn: jobs.expire(conn, 1100)) == 1
    assert _rows(database) == [0, 0, 0]
