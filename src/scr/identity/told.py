"""The audit of links: who joined or parted what, and when."""

from __future__ import annotations

from sqlalchemy import Connection

from scr.store import trail
from scr.store.links import Link


def tell(connection: Connection, known: Link, action: str, by: str, now: int, why: str) -> None:
    """The audit of a link, made or undone: a row with each of the two."""
    for person in dict.fromkeys((known.retained, known.former)):
        row = trail.AuditRow(
            at=now,
            actor=by,
            action=action,
            what=f"identity {known.kind}",
            outcome="success",
            person=person,
            organisation=known.provider,
            details={"link": known.id, "why": why},
        )
        trail.append(connection, row)
