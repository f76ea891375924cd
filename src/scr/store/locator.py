"""Where a resource is that was served: every id that has been served can be read again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select

from scr.errors import Conflict
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.fhir.person import PERSON_SOURCE
from scr.store.people import Person
from scr.store.tables import LOCATOR, RESOURCE

_CHUNK = 500
_OF_PERSON = select(LOCATOR.c.id).where(LOCATOR.c.person == bindparam("person"))
_REMEMBERED = select(LOCATOR.c.id, LOCATOR.c.person).where(LOCATOR.c.id.in_(bindparam("ids", expanding=True)))
_HELD = select(RESOURCE.c.id, RESOURCE.c.person).where(RESOURCE.c.id.in_(bindparam("ids", expanding=True)))
_ONE_SERVED = select(LOCATOR.c.person, LOCATOR.c.source).where(
    LOCATOR.c.id == bindparam("id"), LOCATOR.c.type == bindparam("type")
)
_ONE_HELD = select(RESOURCE.c.person, RESOURCE.c.source).where(
    RESOURCE.c.id == bindparam("id"),
    RESOURCE.c.type == bindparam("type"),
    RESOURCE.c.source != PERSON_SOURCE,  # what is this deployment's own has a way of its own
)


@dataclass(frozen=True, slots=True)
class Located:
    """Whose a resource is (the opaque key), which source has it, and whether a copy is held here."""

    person: str
    source: OdsCode
    held: bool


def locate(connection: Connection, kind: str, logical: str) -> Located | None:
    """Where ``kind/logical`` is, if it is held or was ever served."""
    where = {"id": logical, "type": kind}
    for query, held in ((_ONE_HELD, True), (_ONE_SERVED, False)):
        row = connection.execute(query, where).one_or_none()
        if row is not None:
            return Located(row.person, OdsCode(row.source), held)
    return None


def not_remembered(
    connection: Connection, person: Person, entries: Sequence[Entry], linked: Collection[str] = ()
) -> list[Entry]:
    """The entries that neither the locator nor the store knows: a cheap read before a needless write.

    Raises Conflict ``other-person`` where an id is known as another person's, and not one of those who are
    ``linked`` with the person (opaque keys): of them, each stays with whom it was first served for.
    """
    known = set(connection.execute(_OF_PERSON, {"person": person.key}).scalars())
    unknown = [entry.id for entry in entries if entry.id not in known]  # mostly none, but the first time
    for start in range(0, len(unknown), _CHUNK):
        chunk = {"ids": unknown[start : start + _CHUNK]}
        for query in (_REMEMBERED, _HELD):
            for logical, owner in connection.execute(query, chunk):
                if owner != person.key and owner not in linked:
                    raise Conflict("the resource is on another person's record", code="other-person")
                known.add(logical)
    return [entry for entry in entries if entry.id not in known]


def remember_served(
    connection: Connection, person: Person, entries: Sequence[Entry], linked: Collection[str] = ()
) -> int:
    """Remember entries that a live source gave and that are not held; how many were new.

    Raises Conflict ``other-person``, and remembers nothing, where one is known as another person's;
    Conflict where another writer remembered one at the same moment (try again).
    """
    rows = {
        entry.id: {"id": entry.id, "type": entry.type, "person": person.key, "source": entry.source}
        for entry in not_remembered(connection, person, entries, linked)
    }
    if rows:
        connection.execute(insert(LOCATOR), list(rows.values()))
    return len(rows)
