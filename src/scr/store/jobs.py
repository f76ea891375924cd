"""Answers that are made while nobody waits: whose each is, how far it is, and where it is pinned."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from scr.store.keys import KeyRing, random_id
from scr.store.people import Person
from scr.store.tables import JOB, SNAPSHOT

RUNNING, DONE, FAILED = "running", "done", "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """How far one is: ``running``, ``done`` (``snapshot`` is what was found), ``failed``; ``until`` (ms UTC)
    is when it is let go."""

    id: str
    state: str
    snapshot: str
    until: int


def begin(
    connection: Connection, keys: KeyRing, person: Person, subject: str, now: int, *, lease: int, lives: int
) -> str:
    """Note that an answer about a person is being made for a subject; gives an id that cannot be guessed.

    Whoever makes it says within ``lease`` ms what came of it; it is let go after ``lives`` ms.
    """
    row = {
        "id": random_id(),
        "person": person.key,
        "subject": keys.blind("job", subject),
        "state": RUNNING,
        "created": now,
        "lease": now + lease,
        "expires": now + lives,
        "snapshot": "",
    }
    connection.execute(insert(JOB), row)
    return str(row["id"])


def finish(connection: Connection, job: str, snapshot: str | None) -> bool:
    """Note what came of it: where it is pinned, or None where it failed. False where nobody wants it any
    more, or it was given up: what was pinned for it is dropped then."""
    values = {"state": FAILED if snapshot is None else DONE, "snapshot": snapshot or ""}
    change = update(JOB).where(JOB.c.id == job, JOB.c.state == RUNNING).values(**values)
    if connection.execute(change).rowcount:
        return True
    if snapshot is not None:
        connection.execute(delete(SNAPSHOT).where(SNAPSHOT.c.id == snapshot))
    return False


def find(connection: Connection, keys: KeyRing, job: str, subject: str, now: int) -> Job | None:
    """The job of a subject; None where it is unknown, over, or another's.

    One whose process has not said in time what came of it has failed: a process that died says nothing.
    """
    query = select(JOB.c.state, JOB.c.snapshot, JOB.c.lease, JOB.c.expires).where(
        JOB.c.id == job, JOB.c.subject == keys.blind("job", subject), JOB.c.expires > now
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    given_up = row.state == RUNNING and row.lease <= now
    return Job(job, FAILED if given_up else row.state, row.snapshot, row.expires)


def drop(connection: Connection, keys: KeyRing, job: str, subject: str) -> bool:
    """Forget the job of a subject, and what was found; False where there is none."""
    mine = JOB.c.id == job, JOB.c.subject == keys.blind("job", subject)
    snapshot = connection.execute(select(JOB.c.snapshot).where(*mine)).scalar_one_or_none()
    if snapshot is None:
        return False
    connection.execute(delete(SNAPSHOT).where(SNAPSHOT.c.id == snapshot))
    connection.execute(delete(JOB).where(*mine))
    return True


def expire(connection: Connection, now: int) -> int:
    """Forget those whose time is over; how many."""
    return connection.execute(delete(JOB).where(JOB.c.expires <= now)).rowcount
