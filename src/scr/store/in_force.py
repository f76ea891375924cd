"""What a deployment is governed by, by its hash: a process that begins with another takes note of it."""

from __future__ import annotations

from sqlalchemy import Connection, select

from scr.store.driver import run, written
from scr.store.tables import IN_FORCE

_KEEP = written(
    "INSERT INTO in_force (kind, digest, at) VALUES (?, ?, ?)"
    " ON CONFLICT (kind) DO UPDATE SET digest = excluded.digest, at = excluded.at"
)


def change(connection: Connection, kind: str, digest: str, now: int) -> str | None:
    """Note what is in force of a kind since ``now`` (ms UTC).

    Gives the hash of what it was before, "" where that is the first; None where it is the same.
    """
    before = connection.execute(select(IN_FORCE.c.digest).where(IN_FORCE.c.kind == kind)).scalar_one_or_none()
    if before == digest:
        return None
    run(connection, _KEEP, (kind, digest, now))
    return before or ""
