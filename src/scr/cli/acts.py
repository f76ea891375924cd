"""What an operator does at the command line is in the audit trail as what everybody else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from scr.api.opening import now_ms, open_database
from scr.consent.actor import Actor, ActorKind
from scr.settings import Settings
from scr.store.trail import AuditRow, append

T = TypeVar("T")
OPERATOR = Actor(kind=ActorKind.SYSTEM, subject="operator|command-line", name="operator at the command line")


def act(
    action: str,
    what: str,
    *,
    person: str | None = None,
    policy: str = "",
    outcome: str = "success",
    code: str = "",
    **details: object,
) -> AuditRow:
    """The row of an act. ``person`` is an opaque key; ``details`` hold nothing of a record."""
    return AuditRow(
        at=now_ms(),
        actor=OPERATOR.subject,
        actor_name=OPERATOR.name,
        action=action,
        what=what,
        outcome=outcome,
        person=person,
        code=code,
        policy=policy,
        details=details,
    )


def noted(row: AuditRow, work: Callable[[Connection], T]) -> Callable[[Connection], T]:
    """A piece of work, and its row in the same transaction."""

    def both(connection: Connection) -> T:
        append(connection, row)
        return work(connection)

    return both


def write_down(settings: Settings, row: AuditRow) -> None:
    """Write a row before the act, where that touches nothing of the database itself.

    Raises Unavailable where it cannot be written: then nothing is done.
    """
    database = open_database(settings)
    try:
        database.write_now(lambda connection: append(connection, row))
    finally:
        database.close()
