"""How what is held of a person came: in which message, of which feed, and what read it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from scr.store.tables import MESSAGE, RESOURCE

_CAME = (
    select(
        RESOURCE.c.id,
        RESOURCE.c.told,
        MESSAGE.c.id.label("message"),
        MESSAGE.c.feed,
        MESSAGE.c.received,
        MESSAGE.c.adapter,
    )
    .select_from(RESOURCE.outerjoin(MESSAGE, MESSAGE.c.id == RESOURCE.c.message))
    .where(RESOURCE.c.person.in_(bindparam("people", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class Came:
    """How one resource came. ``received`` is ours and ``told`` its sender's own time, ms UTC; ``adapter`` is
    ``name@digest``. Each is empty where it is not known: of what was filed before that was kept, or was made
    here."""

    message: str = ""
    feed: str = ""
    received: int = 0
    told: int = 0
    adapter: str = ""


def came_of(connection: Connection, people: Collection[str]) -> dict[str, Came]:
    """How the current version of each resource came that is held of these people (opaque keys), by its id."""
    return {
        row.id: Came(row.message or "", row.feed or "", row.received or 0, row.told or 0, row.adapter or "")
        for row in connection.execute(_CAME, {"people": list(people)})
    }
