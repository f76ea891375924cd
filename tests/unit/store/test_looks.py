"""What is kept of a look, and of an answer that is made while nobody waits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pytest
from sqlalchemy import Connection, func, select, update

from scr.errors import TooMany
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.store import jobs
from scr.store.engine import Database
from scr.store.jobs import Taken
from scr.store.keys import KeyRing
from scr.store.last_look import Shown, keep, load, packed
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
        kept = partial(keep, keys=keys, person=person, subject="me", packed=packed(shown), now=at)
        database.write_now(kept)
        assert looks("me") == (at, shown)
    assert looks("you") is None
    raw = database.read_now(lambda conn: conn.execute(select(LAST_LOOK)).one())
    assert b"Observation" not in raw.sealed
    assert "me" not in raw.subject.split()
    database.write_now(lambda conn: erase_person(conn, keys, person))
    assert _rows(database)[0] == 0


@dataclass(frozen=True)
class Asking:
    """Somebody who asks about a person, and processes that make the answers."""

    database: Database
    keys: KeyRing
    person: Person

    def begun(self, *, lease: int = 10, subject: str = "me") -> Taken:
        """A job of the instant 1000, that lives for 100."""
        return self.database.write_now(
            lambda conn: jobs.begin(
                conn, self.keys, self.person, subject, b"what was asked", 1000, lease=lease, lives=100
            )
        )

    def taken(self, now: int) -> Taken | None:
        """What a process takes at an instant, for 10."""
        return self.database.write_now(lambda conn: jobs.take(conn, now, 10))

    def question(self, taken: Taken, now: int = 1000) -> bytes | None:
        """What was asked, to whom has it."""
        found = self.database.read_now(lambda conn: jobs.question_of(conn, self.keys, taken, now))
        return None if found is None else found[1]

    def finished(self, taken: Taken, now: int = 1050) -> bool:
        """The answer comes."""
        return self.database.write_now(
            lambda conn: jobs.finish(conn, self.keys, taken, self.person, "me", b"x", now, lives=100)
        )

    def state(self, job: str, now: int, subject: str = "me") -> str | None:
        """What whoever asked is told."""
        found = self.database.read_now(lambda conn: jobs.find(conn, self.keys, job, subject, now))
        return None if found is None else f"{found.state}{'' if found.taken else ', nobody has it'}"

    def dropped(self, job: str, subject: str = "me") -> bool:
        """Nobody wants it any more."""
        return self.database.write_now(lambda conn: jobs.drop(conn, self.keys, job, subject))


def test_an_answer_is_found_by_whoever_asked_until_its_time_is_over(
    database: Database, keys: KeyRing, person: Person
) -> None:
    """Running, done, failed, dropped, over; it can be fetched as long from when it was made, however late."""
    who = Asking(database, keys, person)
    one, two, three = who.begun(), who.begun(), who.begun()
    assert (who.state(one.id, 1009), who.state(one.id, 1009, "you"), who.state("x", 1)) == (
        "running", None, None,
    )  # fmt: skip
    assert who.finished(one)
    assert database.write_now(lambda conn: jobs.fail(conn, two))
    assert not who.finished(two)
    assert (who.state(one.id, 1149), who.state(one.id, 1150)) == ("done, nobody has it", None)
    assert who.state(two.id, 1005) == "failed"
    assert not who.dropped(three.id, "you")
    assert who.dropped(three.id)
    assert not who.finished(three)
    assert _rows(database) == [0, 2, 1]
    assert who.dropped(one.id)
    assert database.write_now(lambda conn: jobs.expire(conn, 1100)) == 1
    assert _rows(database) == [0, 0, 0]


def test_a_job_is_one_process_s_at_a_time_and_only_the_last_one_s_answer_is_kept(
    database: Database, keys: KeyRing, person: Person
) -> None:
    """Taken when nobody has it or has had it for too long; what the former has made by then is nothing; given
    back, it is anybody's; of nobody who was erased a question can be opened."""
    who = Asking(database, keys, person)
    mine, nobodys = who.begun(), who.begun(lease=0)
    assert who.state(nobodys.id, 1001) == "running, nobody has it"
    first = who.taken(1001)
    assert first == Taken(nobodys.id, 1)
    assert (who.taken(1009), who.question(mine), who.question(Taken(mine.id, 2))) == (
        None, b"what was asked", None,
    )  # fmt: skip
    again = who.taken(1010)
    assert again == Taken(mine.id, 2)
    assert (who.question(mine), who.question(again)) == (None, b"what was asked")
    assert not who.finished(mine)
    assert not database.write_now(lambda conn: jobs.give_back(conn, mine, 0))
    assert database.write_now(lambda conn: jobs.give_back(conn, again, 1010))
    last = who.taken(1010)
    assert last == Taken(mine.id, 3)
    assert [who.finished(one) for one in (last, again, last)] == [True, False, False]
    assert (who.taken(1099), who.taken(1100)) == (Taken(nobodys.id, 2), None)
    assert _rows(database) == [0, 2, 1]
    held = database.read_now(lambda conn: conn.execute(select(JOB.c.state, JOB.c.sealed)).all())
    assert sorted((state, sealed == b"") for state, sealed in held) == [("done", True), ("running", False)]
    assert all(b"asked" not in sealed for _, sealed in held)
    database.write_now(lambda conn: erase_person(conn, keys, person))
    assert (who.question(Taken(nobodys.id, 2)), _rows(database)) == (None, [0, 0, 0])


def test_nobody_has_answers_made_without_end(database: Database, keys: KeyRing, person: Person) -> None:
    """So many for one; another may; and one that is there makes room."""
    who = Asking(database, keys, person)
    begun = [who.begun() for _ in range(jobs.MOST_OF_ONE)]
    with pytest.raises(TooMany):
        who.begun()
    who.begun(subject="you")
    assert who.finished(begun[0])
    who.begun()


def test_what_an_earlier_version_began_it_alone_ends(
    database: Database, keys: KeyRing, person: Person
) -> None:
    """Without its question nobody takes it; when its process says nothing in time it has failed."""
    who = Asking(database, keys, person)
    job = who.begun().id
    database.write_now(lambda conn: conn.execute(update(JOB).values(sealed=b"", takes=0)))
    assert [who.state(job, now) for now in (1009, 1010)] == ["running", "failed, nobody has it"]
    assert who.taken(1050) is None
