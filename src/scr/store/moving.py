"""Resources from one person's record to another's: sealed anew with every version, their ids the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from scr.fhir.entry import Entry, about, stamp, unstamped
from scr.fhir.identifiers import OdsCode
from scr.store.labelled import carry_marks
from scr.store.people import Person, revise
from scr.store.records import digest_of, open_row, row_of
from scr.store.tables import HELD, HISTORY, LOCATOR, RESOURCE

_CHUNK = 200
_CURRENT, _OLDER = (
    select(
        table.c.id, table.c.version, table.c.sealed, table.c.filed_under, table.c.told, table.c.message
    ).where(table.c.person == bindparam("whose"), table.c.id.in_(bindparam("ids", expanding=True)))
    for table in (RESOURCE, HISTORY)
)
_OUT = tuple(
    delete(table).where(
        table.c.person == bindparam("whose"), table.c.id.in_(bindparam("ids", expanding=True))
    )
    for table in (RESOURCE, HISTORY)
)
_SERVED = (
    update(LOCATOR)
    .where(LOCATOR.c.person == bindparam("whose"), LOCATOR.c.id.in_(bindparam("ids", expanding=True)))
    .values(person=bindparam("to"), head=None)  # sealed for the one who had it
)
_UNDER = select(RESOURCE.c.id, RESOURCE.c.filed_under).where(
    RESOURCE.c.person == bindparam("whose"),
    RESOURCE.c.source == bindparam("source"),
    RESOURCE.c.filed_under.is_not(None),
)
_WHERE = select(HELD.c.id, HELD.c.person).where(HELD.c.id.in_(bindparam("ids", expanding=True)))
_NOW_THEIRS = (
    update(HELD)
    .where(HELD.c.person == bindparam("whose"), HELD.c.id.in_(bindparam("ids", expanding=True)))
    .values(person=bindparam("to"))
)


def filed_marks(connection: Connection, person: Person, source: OdsCode) -> dict[str, bytes]:
    """The marks (``scr.store.filed_under``) of what a provider filed on a person's record, by id."""
    where = {"whose": person.key, "source": source.value}
    return {row.id: bytes(row.filed_under) for row in connection.execute(_UNDER, where)}


def owners(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Whose each of these resources is now, by opaque key; what is not held is not there."""
    return {row.id: row.person for some in _chunks(ids) for row in connection.execute(_WHERE, {"ids": some})}


def move_entries(
    connection: Connection, before: Person, after: Person, ids: Sequence[str], now: int
) -> Mapping[str, int]:
    """Move resources and their history; the version that each had until then, by id.

    What refers to the one's Patient refers to the other's, in every version. The current one is the next
    version, at ``now`` (ms UTC). Whoever calls holds both persons.
    """
    moved: dict[str, int] = {}
    for some in _chunks(ids):
        moved |= _move(connection, before, after, some, now)
    if moved:
        carry_marks(connection, before, after)
        revise(connection, before)
        revise(connection, after)
    return moved


def _move(
    connection: Connection, before: Person, after: Person, ids: Sequence[str], now: int
) -> dict[str, int]:
    key = after.data_key.digest_key()
    these: dict[str, object] = {"whose": before.key, "ids": ids}
    current: list[dict[str, object]] = []
    older: list[dict[str, object]] = []
    versions: dict[str, int] = {}

    def row(entry: Entry, version: int, *came: Any) -> dict[str, object]:
        return row_of(after, entry, version, digest_of(unstamped(entry), key), *came)

    for logical, version, sealed, *came in connection.execute(_CURRENT, these):
        entry = about(open_row(before, logical, version, sealed), before.patient_id, after.patient_id)
        older.append(row(entry, version, *came))
        current.append(row(stamp(unstamped(entry), str(version + 1), now), version + 1, *came))
        versions[logical] = version
    for logical, version, sealed, *came in connection.execute(_OLDER, these):
        entry = about(open_row(before, logical, version, sealed), before.patient_id, after.patient_id)
        older.append(row(entry, version, *came))
    for out in _OUT:
        connection.execute(out, these)
    if current:
        connection.execute(insert(RESOURCE), current)
        connection.execute(insert(HISTORY), older)
    for change in (_NOW_THEIRS, _SERVED):
        connection.execute(change, {**these, "to": after.key})
    return versions


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[at : at + _CHUNK] for at in range(0, len(ids), _CHUNK))
