"""The alerts that go out: written in the transaction of what they tell of, kept until they are taken.

A process has one to itself for a while and begins a workflow for it (``scr.sources.workflows``); where it
ends before that, another takes it and goes on with the workflow. So a way is tried again only if the process
ended between the way's yes and its writing down; whoever takes it knows it by its id, and does nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from sqlalchemy import Connection, insert, or_, select, update

from scr.store.claims import Claim
from scr.store.tables import ALERT


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. ``id`` is the claim's, ``kind`` a ``ClaimKind``; instants are ms UTC.

    Of others the kind is one of ``KINDS``: ``id`` is the notice's, begins with the challenge's, or ends with
    the finding's, and ``about`` says for whom it is (a Patient's logical id, an ODS code).
    ``taken`` are the ways that have it already, separated by spaces; ``problem`` is what went wrong last, and
    stays where it was given up: then it is ``done`` without having been taken.
    """

    id: str
    kind: str
    at: int
    next: int
    tries: int = 0
    taken: str = ""
    problem: str = ""
    done: int | None = None
    about: str = ""

    @property
    def given_up(self) -> bool:
        """Whether it was not taken in its time, and is not tried any more."""
        return self.done is not None and bool(self.problem)


NOTICE = "notice"
"""A person is told of something in their record: that there is something, and not what."""
CHALLENGE, REMINDER, OVERDUE = "challenge", "challenge-due", "challenge-overdue"
"""Somebody says that an entry is wrong: new, soon due, and not answered in time."""
UNDELIVERED = "undelivered"
"""Another one was given up."""
MISUSE = "misuse"
"""Looks were found that may be misuse, by a serious rule; the rest of its ``id`` is the finding's."""
KINDS = (NOTICE, CHALLENGE, REMINDER, OVERDUE, UNDELIVERED, MISUSE)


_NAMES = tuple(one.name for one in fields(Alert))
_SELECT = select(*(ALERT.c[name] for name in _NAMES))


def add(connection: Connection, claim: Claim) -> None:
    """Let an alert of a claim go out."""
    put(connection, Alert(claim.id, claim.kind.value, claim.since, claim.since))


def put(connection: Connection, alert: Alert) -> None:
    """Let an alert go out."""
    connection.execute(insert(ALERT), {name: getattr(alert, name) for name in _NAMES})


def take(connection: Connection, now: int, until: int) -> Alert | None:
    """An alert whose time has come, for this process alone ``until`` then; None where there is none."""
    due = _SELECT.where(ALERT.c.done.is_(None), ALERT.c.next <= now).order_by(ALERT.c.next).limit(1)
    row = connection.execute(due.with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    alert = Alert(**row._asdict())
    connection.execute(update(ALERT).where(ALERT.c.id == alert.id).values(next=until))
    return alert


def find(connection: Connection, identity: str, *, alone: bool = False) -> Alert | None:
    """One by its id; ``alone``: nobody else changes it until the transaction ends."""
    query = _SELECT.where(ALERT.c.id == identity)
    row = connection.execute(query.with_for_update() if alone else query).one_or_none()
    return None if row is None else Alert(**row._asdict())


def write(connection: Connection, alert: Alert) -> None:
    """What has become of it."""
    values = {name: getattr(alert, name) for name in _NAMES}
    connection.execute(update(ALERT).where(ALERT.c.id == alert.id).values(values))


def give_up(connection: Connection, alert: Alert, now: int) -> None:
    """Try it no more, and let that itself be told; of what tells that, nothing more is."""
    write(connection, replace(alert, done=now))
    if alert.kind != UNDELIVERED:
        told = Alert(f"{alert.id}-{UNDELIVERED}", UNDELIVERED, now, now)
        if find(connection, told.id) is None:
            put(connection, told)


def again(connection: Connection, now: int, identity: str = "") -> int:
    """Try one again now, or every one that has not arrived, those that were given up too; how many."""
    missing = or_(ALERT.c.done.is_(None), ALERT.c.problem != "")
    change = update(ALERT).where(missing, ALERT.c.tries > 0)
    if identity:
        change = change.where(ALERT.c.id == identity)
    return connection.execute(change.values(next=now, done=None)).rowcount


def stuck(connection: Connection) -> list[Alert]:
    """The alerts that could not be delivered when it was tried, those that were given up too, the oldest
    first."""
    missing = or_(ALERT.c.done.is_(None), ALERT.c.problem != "")
    query = _SELECT.where(missing, ALERT.c.tries > 0).order_by(ALERT.c.at, ALERT.c.id)
    return [Alert(**row._asdict()) for row in connection.execute(query)]


def waiting(connection: Connection) -> list[Alert]:
    """The alerts that have not arrived, whether they were tried or not, the oldest first."""
    query = _SELECT.where(or_(ALERT.c.done.is_(None), ALERT.c.problem != ""))
    return [Alert(**row._asdict()) for row in connection.execute(query.order_by(ALERT.c.at, ALERT.c.id))]
