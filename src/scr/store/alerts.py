"""The alerts that go out: written in the transaction of what they tell of, kept until they are taken.

Each goes at least once: a process that ends between sending one and writing so lets another send it
again, and whoever takes it knows it by its id.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import Connection, insert, select, update

from scr.store.claims import Claim
from scr.store.tables import ALERT


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. ``id`` is the claim's, ``kind`` a ``ClaimKind``; instants are ms UTC.

    Of others the kind is one of ``KINDS``: ``id`` is the notice's, or begins with the challenge's, and
    ``about`` says for whom it is (a Patient's logical id, an ODS code).
    ``taken`` are the ways that have it already, separated by spaces; ``problem`` is what went wrong last.
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


NOTICE = "notice"
"""A person is told of something in their record: that there is something, and not what."""
CHALLENGE, REMINDER, OVERDUE = "challenge", "challenge-due", "challenge-overdue"
"""Somebody says that an entry is wrong: new, soon due, and not answered in time."""
KINDS = (NOTICE, CHALLENGE, REMINDER, OVERDUE)


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


def write(connection: Connection, alert: Alert) -> None:
    """What has become of it."""
    values = {name: getattr(alert, name) for name in _NAMES}
    connection.execute(update(ALERT).where(ALERT.c.id == alert.id).values(values))


def stuck(connection: Connection) -> list[Alert]:
    """The alerts that could not be delivered when it was tried, the oldest first."""
    query = _SELECT.where(ALERT.c.done.is_(None), ALERT.c.tries > 0).order_by(ALERT.c.at, ALERT.c.id)
    return [Alert(**row._asdict()) for row in connection.execute(query)]
