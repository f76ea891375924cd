"""Answers that are made while nobody waits: what was asked, whose each is, how far it is, where it is pinned.

The question is sealed with the person's key until the answer is there. A process takes a job for a while,
under a number that only goes up: what comes of an earlier number counts no more, so that an answer is kept
once, whoever was killed or thought to be.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from scr.errors import TooMany
from scr.store import snapshots
from scr.store.keys import KeyRing, random_id, seal, unseal
from scr.store.people import Person, person_by_key
from scr.store.tables import JOB, SNAPSHOT

RUNNING, DONE, FAILED = "running", "done", "failed"
MOST_OF_ONE, MOST = 16, 1_000
"""So many answers are to be made for one who asks, and for all, before the next is refused."""
_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Job:
    """How far one is: ``running``, ``done`` (``snapshot`` is what was found), ``failed``; ``until`` (ms UTC)
    is when it is let go, and ``taken`` whether a process makes it now."""

    id: str
    state: str
    snapshot: str
    until: int
    taken: bool = True


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that a process has to itself for a while, the so-manieth time that one has."""

    id: str
    number: int


def begin(
    connection: Connection,
    keys: KeyRing,
    person: Person,
    subject: str,
    question: bytes,
    now: int,
    *,
    lease: int,
    lives: int,
) -> Taken:
    """Note what a subject asks about a person; the job's id cannot be guessed.

    This process has it for ``lease`` ms (0: whoever comes first takes it); it is let go after ``lives`` ms.
    Raises TooMany.
    """
    asker = keys.blind("job", subject)
    _room(connection, asker, now)
    taken = Taken(random_id(), 1 if lease else 0)
    row = {
        "id": taken.id,
        "person": person.key,
        "subject": asker,
        "state": RUNNING,
        "created": now,
        "lease": now + lease,
        "expires": now + lives,
        "snapshot": "",
        "takes": taken.number,
        "sealed": seal(person.data_key, question, _place(taken.id)),
    }
    connection.execute(insert(JOB), row)
    return taken


def due(connection: Connection, now: int) -> bool:
    """Whether there is one that no process has."""
    return connection.execute(select(JOB.c.id).where(_due(now)).limit(1)).first() is not None


def take(connection: Connection, now: int, lease: int) -> Taken | None:
    """One that no process has, or that one has had for too long, for this one alone for ``lease`` ms; None
    where there is none."""
    query = select(JOB.c.id, JOB.c.takes).where(_due(now)).order_by(JOB.c.lease).limit(1)
    row = connection.execute(query.with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    taken = Taken(row.id, row.takes + 1)
    change = update(JOB).where(JOB.c.id == taken.id)
    connection.execute(change.values(lease=now + lease, takes=taken.number))
    return taken


def question_of(connection: Connection, keys: KeyRing, taken: Taken, now: int) -> tuple[str, bytes] | None:
    """The opaque key of the person, and what was asked; None where nobody wants it any more, or another
    process has it."""
    query = select(JOB.c.person, JOB.c.sealed).where(_mine(taken), JOB.c.expires > now)
    row = connection.execute(query).one_or_none()
    person = None if row is None else person_by_key(connection, keys, row.person)
    if row is None or person is None:
        return None
    return person.key, unseal(person.data_key, bytes(row.sealed), _place(taken.id))


def finish(
    connection: Connection,
    keys: KeyRing,
    taken: Taken,
    person: Person,
    subject: str,
    blob: bytes,
    now: int,
    *,
    lives: int,
) -> bool:
    """Keep the answer about a person for the subject, ``lives`` ms from now on, and let go of the question.
    False where nobody wants it any more, or another process has it: then nothing is kept."""
    values = {"state": DONE, "sealed": b"", "expires": now + lives}
    if not connection.execute(update(JOB).where(_mine(taken)).values(**values)).rowcount:
        return False
    snapshot = snapshots.save(connection, keys, person, subject, blob, now, lives)
    connection.execute(update(JOB).where(JOB.c.id == taken.id).values(snapshot=snapshot))
    return True


def fail(connection: Connection, taken: Taken) -> bool:
    """Make it no more, and say so; False as ``finish``."""
    change = update(JOB).where(_mine(taken)).values(state=FAILED, sealed=b"")
    return bool(connection.execute(change).rowcount)


def refuse(connection: Connection, taken: Taken) -> bool:
    """Forget it, as if it had never been asked; False as ``finish``."""
    return bool(connection.execute(delete(JOB).where(_mine(taken))).rowcount)


def give_back(connection: Connection, taken: Taken, at: int) -> bool:
    """Let any process take it, from ``at`` (ms UTC) on; False as ``finish``."""
    return bool(connection.execute(update(JOB).where(_mine(taken)).values(lease=at)).rowcount)


def find(connection: Connection, keys: KeyRing, job: str, subject: str, now: int) -> Job | None:
    """The job of a subject; None where it is unknown, over, or another's.

    One without its question, as earlier versions of this program began them, nobody else can make: it has
    failed where its process has not said in time what came of it.
    """
    query = select(JOB.c.state, JOB.c.snapshot, JOB.c.lease, JOB.c.expires, JOB.c.sealed).where(
        JOB.c.id == job, JOB.c.subject == keys.blind("job", subject), JOB.c.expires > now
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    taken = row.lease > now
    given_up = row.state == RUNNING and not row.sealed and not taken
    return Job(job, FAILED if given_up else row.state, row.snapshot, row.expires, taken)


def drop(connection: Connection, keys: KeyRing, job: str, subject: str) -> bool:
    """Forget the job of a subject, and what was found; False where there is none."""
    mine = JOB.c.id == job, JOB.c.subject == keys.blind("job", subject)
    held = select(JOB.c.snapshot).where(*mine).with_for_update()  # it may be finished just now
    snapshot = connection.execute(held).scalar_one_or_none()
    if snapshot is None:
        return False
    connection.execute(delete(SNAPSHOT).where(SNAPSHOT.c.id == snapshot))
    connection.execute(delete(JOB).where(*mine))
    return True


def expire(connection: Connection, now: int) -> int:
    """Forget those whose time is over; how many."""
    return connection.execute(delete(JOB).where(JOB.c.expires <= now)).rowcount


def _room(connection: Connection, asker: str, now: int) -> None:
    """Counted without a lock: one who asks many at a time may have a few more."""
    running = select(func.count()).select_from(JOB).where(JOB.c.state == RUNNING, JOB.c.expires > now)
    theirs = connection.execute(running.where(JOB.c.subject == asker)).scalar_one()
    if theirs >= MOST_OF_ONE or connection.execute(running).scalar_one() >= MOST:
        raise TooMany(
            "too many answers are to be made: fetch those, or ask again later", retry_after=_RETRY_SECONDS
        )


def _due(now: int) -> ColumnElement[bool]:
    return and_(JOB.c.state == RUNNING, JOB.c.lease <= now, JOB.c.expires > now, JOB.c.sealed != b"")


def _mine(taken: Taken) -> ColumnElement[bool]:
    return and_(JOB.c.id == taken.id, JOB.c.state == RUNNING, JOB.c.takes == taken.number)


def _place(job: str) -> bytes:
    return f"job/{job}".encode()
