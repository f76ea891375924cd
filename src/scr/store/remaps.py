"""How far a run over what is stored has come, so that one that was stopped goes on where it was."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from scr.store.tables import PERSON, REMAP


@dataclass(frozen=True, slots=True)
class Run:
    """A run. ``scope`` is a provider, or empty for all; ``maps`` what was in force; times in ms UTC.

    ``position`` is the key of the person done last. ``left``: people who could not be done.
    """

    scope: str
    maps: str
    started: int
    finished: int = 0
    position: str = ""
    people: int = 0
    resources: int = 0
    changed: int = 0
    left: int = 0


_COLUMNS = ("scope", "maps", "started", "finished", "position", "people", "resources", "changed", "left")


def unfinished(connection: Connection, scope: str, maps: str) -> Run | None:
    """The run of this scope that was stopped, if it was with the same maps."""
    query = select(*(REMAP.c[name] for name in _COLUMNS)).where(
        REMAP.c.scope == scope, REMAP.c.maps == maps, REMAP.c.finished == 0
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Run(*row)


def note(connection: Connection, run: Run) -> None:
    """Keep how far a run is, in the place of what was known of its scope."""
    connection.execute(delete(REMAP).where(REMAP.c.scope == run.scope))
    connection.execute(insert(REMAP), {name: getattr(run, name) for name in _COLUMNS})


def people_after(connection: Connection, position: str, limit: int) -> list[str]:
    """The keys of the next people, in their order."""
    query = select(PERSON.c.key).where(PERSON.c.key > position).order_by(PERSON.c.key).limit(limit)
    return list(connection.execute(query).scalars())


def count_after(connection: Connection, position: str) -> int:
    """How many people are still to be done."""
    query = select(func.count()).select_from(PERSON).where(PERSON.c.key > position)
    return int(connection.execute(query).scalar_one())
