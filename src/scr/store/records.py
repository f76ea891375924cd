"""A person's resources: filed version by version, and read as one record.

A version is one sealed value: head and body of the Entry together, under the person's key and bound
to person, id and version. Reading a record is the hot path of the whole system: one indexed query
through the driver's own cursor, then a microsecond or two a resource to open and to decode.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from scr.errors import Conflict, NotFound
from scr.fhir.entry import Entry, stamp
from scr.fhir.identifiers import OdsCode
from scr.store.dialects import BINARY
from scr.store.filed_under import joined
from scr.store.keys import KeyRing, seal, unreadable, unseal
from scr.store.people import Person as Person
from scr.store.people import lock_person, person_by_key, revise
from scr.store.tables import HISTORY, RESOURCE

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)
_CHUNK = 500
_FAST = {BINARY: True}

_IDS = "ids"
_WHOSE = (
    "SELECT id, person, type, version, digest, filed_under, told, last_updated"
    " FROM resource WHERE id IN ({marks})"
    " UNION ALL SELECT id, person, type, 0, NULL, NULL, NULL, 0 FROM locator WHERE id IN ({marks})"
)
"""Whose an id is, by what is held and by what was served; a version of 0: not held."""

_MOVED = (
    "person",
    "id",
    "version",
    "type",
    "source",
    "last_updated",
    "digest",
    "sealed",
    "filed_under",
    "told",
)
_THESE = (RESOURCE.c.person == bindparam("of"), RESOURCE.c.id.in_(bindparam(_IDS, expanding=True)))
_TO_HISTORY = insert(HISTORY).from_select(
    _MOVED, select(*(RESOURCE.c[name] for name in _MOVED)).where(*_THESE)
)
_OUT = delete(RESOURCE).where(*_THESE)
_IN = "INSERT INTO resource ({columns}) VALUES ({marks})"
_AGAIN = (
    update(RESOURCE)
    .where(RESOURCE.c.id == bindparam("which"))
    .values(filed_under=bindparam("under"), told=bindparam("at"))
)
_ONE = select(RESOURCE.c.person, RESOURCE.c.version, RESOURCE.c.sealed).where(
    RESOURCE.c.id == bindparam("id")
)
_OLDER = (
    select(HISTORY.c.person, HISTORY.c.version, HISTORY.c.sealed)
    .where(HISTORY.c.id == bindparam("id"))
    .order_by(HISTORY.c.version.desc())
)


@dataclass(frozen=True, slots=True)
class Filed:
    """How many entries were new, were new versions, and were there already as they are.

    ``older``: how many say what was so before the version that is held; that one stays.
    """

    created: int
    updated: int
    unchanged: int
    older: int = 0


class Told(NamedTuple):
    """When something was so, ms UTC: ``at`` by its sender's own clock, ``received`` by ours, where that was
    not now. 0: not known."""

    at: int = 0
    received: int = 0


NOW = Told()


@dataclass(frozen=True, slots=True)
class _Known:
    """What is held under an id."""

    version: int
    digest: bytes
    filed_under: bytes
    told: int = 0
    last_updated: int = 0

    def is_newer(self, than: Told) -> bool:
        """Whether it was told, or came, after ``than``: one clock is compared with itself only."""
        if than.at:
            return than.at < self.told
        return 0 < than.received < self.last_updated


_NEW = _Known(0, b"", b"")


def file_entries(
    connection: Connection,
    keys: KeyRing,
    person: Person,
    entries: Sequence[Entry],
    now: int,
    under: bytes = b"",
    told: Told = NOW,
) -> Filed:
    """File entries onto a person's record, each stamped with its version and ``now`` (ms UTC).

    An entry as it is held already writes nothing. A changed one becomes the next version and the old
    one goes to the history. The entries must be fresh from ``fhir.entry.pack``. ``under`` are the local
    identifiers that they came under (``scr.store.filed_under``). What is held and was ``told`` later stays:
    a message that was late is no news. Raises Conflict ``other-person`` where
    an id is on another person's record, and files nothing then; NotFound where the person was erased.
    """
    if not lock_person(connection, person):
        raise NotFound("the person is not held any more", code="no-person")
    digest_key = person.data_key.digest_key()
    done = Filed(0, 0, 0)
    for some in _without_repeats(entries):
        done = plus(done, _file(connection, person, some, digest_key, now, under, told))
    if done.created or done.updated:
        revise(connection, person)
    return done


def _file(
    connection: Connection,
    person: Person,
    entries: Sequence[Entry],
    digest_key: bytes,
    now: int,
    under: bytes,
    told: Told,
) -> Filed:
    """File entries of different ids: what is replaced goes to the history, then the new rows come in."""
    held = _held(connection, person, entries)
    fresh: list[dict[str, object]] = []
    replaced: list[str] = []
    again: list[dict[str, object]] = []
    older = 0
    for entry in entries:
        known = held.get(entry.id, _NEW)
        both = joined(known.filed_under, under)
        digest = digest_of(entry, digest_key)
        at = max(told.at, known.told)
        if digest == known.digest:
            if both != known.filed_under or at != known.told:
                again.append({"which": entry.id, "under": both or None, "at": at or None})
            continue
        if known.is_newer(told):
            older += 1
            continue
        if known.version:
            replaced.append(entry.id)
        version = known.version + 1
        fresh.append(row_of(person, stamp(entry, str(version), now), version, digest, both, told.at))
    if again:
        connection.execute(_AGAIN, again)
    if replaced:
        these = {"of": person.key, _IDS: replaced}
        connection.execute(_TO_HISTORY, these)
        connection.execute(_OUT, these)
    if fresh:
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        into = _IN.format(columns=", ".join(fresh[0]), marks=", ".join([mark] * len(fresh[0])))
        connection.exec_driver_sql(into, [tuple(row.values()) for row in fresh])
    unchanged = len(entries) - len(fresh) - older
    return Filed(len(fresh) - len(replaced), len(replaced), unchanged, older)


def _without_repeats(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """The entries in their order, cut where an id comes again, and where a statement would grow too long."""
    some: dict[str, Entry] = {}
    for entry in entries:
        if entry.id in some or len(some) == _CHUNK:
            yield list(some.values())
            some = {}
        some[entry.id] = entry
    if some:
        yield list(some.values())


def plus(one: Filed, other: Filed) -> Filed:
    """Both together."""
    return Filed(
        one.created + other.created,
        one.updated + other.updated,
        one.unchanged + other.unchanged,
        one.older + other.older,
    )


def load_record(
    connection: Connection, keys: KeyRing, person: Person, sources: Collection[OdsCode] | None = None
) -> list[Entry]:
    """Every current entry of a person, of these sources only if they are given. In no useful order.

    Raises Fault ``unreadable`` where a row was changed or moved.
    """
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    sql = f"SELECT id, version, sealed FROM resource WHERE person = {mark}"  # noqa: S608 - marks only
    values = [person.key]
    if sources is not None:
        if not sources:
            return []
        sql += f" AND source IN ({', '.join([mark] * len(sources))})"
        values += [source.value for source in sources]
    # The driver's own cursor: SQLAlchemy's result rows would cost as much again as the query.
    rows = connection.exec_driver_sql(sql, tuple(values), execution_options=_FAST).cursor.fetchall()
    decrypt, decode = person.data_key.cipher.decrypt, _decoder.decode
    prefix = f"resource/{person.key}/"
    place = b""
    found: list[Entry] = []
    add = found.append
    try:
        for logical, version, sealed in rows:
            place = f"{prefix}{logical}/{version}".encode()
            add(decode(decrypt(sealed[:12], sealed[12:], place)))
    except (InvalidTag, ValueError, msgspec.DecodeError):
        raise unreadable(place) from None
    return found


def load_some(
    connection: Connection, person: Person, kind: str, ids: Collection[str] | None = None
) -> list[Entry]:
    """The current entries of one resource type of a person; of these ids only if they are given."""
    query = select(RESOURCE.c.id, RESOURCE.c.version, RESOURCE.c.sealed).where(
        RESOURCE.c.person == person.key, RESOURCE.c.type == kind
    )
    if ids is not None:
        query = query.where(RESOURCE.c.id.in_(ids))
    return [
        _decoder.decode(unseal(person.data_key, sealed, _place(person.key, logical, version)))
        for logical, version, sealed in connection.execute(query)
    ]


def load_entry(connection: Connection, keys: KeyRing, logical: str) -> tuple[Person, Entry] | None:
    """The current version of a resource by its id, and whose it is."""
    row = connection.execute(_ONE, {"id": logical}).one_or_none()
    return None if row is None else _opened(connection, keys, logical, [row])[0]


def load_version(
    connection: Connection, keys: KeyRing, logical: str, version: str
) -> tuple[Person, Entry] | None:
    """One version of a resource, current or older."""
    rows = [row for row in _versions(connection, logical) if str(row.version) == version]
    return _opened(connection, keys, logical, rows)[0] if rows else None


def load_history(connection: Connection, keys: KeyRing, logical: str) -> list[tuple[Person, Entry]]:
    """Every version of a resource, the newest first; empty where it is not held."""
    return _opened(connection, keys, logical, _versions(connection, logical))


def _versions(connection: Connection, logical: str) -> list[Row[str, int, bytes]]:
    current = connection.execute(_ONE, {"id": logical}).all()
    return [*current, *connection.execute(_OLDER, {"id": logical}).all()]


def _opened(
    connection: Connection, keys: KeyRing, logical: str, rows: Iterable[Row[str, int, bytes]]
) -> list[tuple[Person, Entry]]:
    people: dict[str, Person] = {}
    found = []
    for key, version, sealed in rows:
        if key not in people:
            person = person_by_key(connection, keys, key)
            if person is None:
                raise NotFound("the person is not held any more", code="no-person")
            people[key] = person
        found.append((people[key], open_row(people[key], logical, version, sealed)))
    return found


def _held(connection: Connection, person: Person, entries: Sequence[Entry]) -> dict[str, _Known]:
    """What is held under these ids; Conflict where one is another person's, or type's."""
    found: dict[str, _Known] = {}
    kinds = {entry.id: entry.type for entry in entries}
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    sql = _WHOSE.format(marks=", ".join([mark] * len(kinds)))
    rows = connection.exec_driver_sql(sql, (*kinds, *kinds), execution_options=_FAST).cursor.fetchall()
    for logical, owner, kind, version, digest, under, told, updated in rows:
        if owner != person.key:
            raise Conflict(
                "the resource is on another person's record; nothing was filed",
                code="other-person",
                where=kind,
            )
        if kind != kinds[logical]:
            raise Conflict("an id is held with another resource type", code="other-type", where=kind)
        if version:
            found[logical] = _Known(version, bytes(digest), bytes(under or b""), told or 0, updated)
    return found


def digest_of(entry: Entry, key: bytes) -> bytes:
    """Keyed hash of what a version says: source, heading and unstamped body."""
    mac = hashlib.blake2b(f"{entry.source}\x1f{entry.heading}\x1f".encode(), key=key, digest_size=20)
    mac.update(entry.body)
    return mac.digest()


def row_of(
    person: Person, entry: Entry, version: int, digest: bytes, under: bytes | None, told: int | None
) -> dict[str, object]:
    """The row of a version of a person's, sealed for its place."""
    return {
        "person": person.key,
        "id": entry.id,
        "type": entry.type,
        "source": entry.source,
        "version": version,
        "last_updated": entry.last_updated,
        "digest": digest,
        "sealed": seal(person.data_key, _encoder.encode(entry), _place(person.key, entry.id, version)),
        "filed_under": under or None,
        "told": told or None,
    }


def open_row(person: Person, logical: str, version: int, sealed: bytes) -> Entry:
    """The entry of a row of a person's. Raises Fault ``unreadable``."""
    return _decoder.decode(unseal(person.data_key, sealed, _place(person.key, logical, version)))


def _place(person: str, logical: str, version: int) -> bytes:
    return f"resource/{person}/{logical}/{version}".encode()
