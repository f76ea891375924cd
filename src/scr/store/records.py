"""A person's resources: filed version by version, and read as one record.

A version is one sealed value: head and body of the Entry together, under the person's key and bound
to person, id and version. Reading a record is the hot path of the whole system: one indexed query
through the driver's own cursor, then a microsecond or two a resource to open and to decode.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

import msgspec
from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection, Select, bindparam, select

from scr.errors import NotFound
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.store.dialects import BINARY
from scr.store.keys import KeyRing, seal, unreadable, unseal
from scr.store.people import Person as Person
from scr.store.people import person_by_key
from scr.store.tables import HELD, HISTORY, RESOURCE

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)
_CHUNK = 500
_FAST = {BINARY: True}

_WHOSE = select(HELD.c.person).where(HELD.c.id == bindparam("id"))
_ONE = select(RESOURCE.c.version, RESOURCE.c.sealed).where(
    RESOURCE.c.person == bindparam("whose"), RESOURCE.c.id == bindparam("id")
)
_OLDER = (
    select(HISTORY.c.version, HISTORY.c.sealed)
    .where(HISTORY.c.person == bindparam("whose"), HISTORY.c.id == bindparam("id"))
    .order_by(HISTORY.c.version.desc())
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
        if person.data_key.also is None:
            raise unreadable(place) from None
        return [open_row(person, logical, version, sealed) for logical, version, sealed in rows]
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
    found = _opened(connection, keys, logical, [_ONE])
    return found[0] if found else None


def load_version(
    connection: Connection, keys: KeyRing, logical: str, version: str
) -> tuple[Person, Entry] | None:
    """One version of a resource, current or older."""
    return next((one for one in load_history(connection, keys, logical) if one[1].version == version), None)


def load_history(connection: Connection, keys: KeyRing, logical: str) -> list[tuple[Person, Entry]]:
    """Every version of a resource, the newest first; empty where it is not held."""
    return _opened(connection, keys, logical, [_ONE, _OLDER])


def _opened(
    connection: Connection, keys: KeyRing, logical: str, queries: Iterable[Select[int, bytes]]
) -> list[tuple[Person, Entry]]:
    """What these queries find under an id, in the rows of the person whose it is."""
    whose = connection.execute(_WHOSE, {"id": logical}).scalar_one_or_none()
    if whose is None:
        return []
    person = person_by_key(connection, keys, whose)
    if person is None:
        raise NotFound("the person is not held any more", code="no-person")
    return [
        (person, open_row(person, logical, version, sealed))
        for query in queries
        for version, sealed in connection.execute(query, {"whose": whose, "id": logical})
    ]


def digest_of(entry: Entry, key: bytes) -> bytes:
    """Keyed hash of what a version says: source, heading and unstamped body."""
    mac = hashlib.blake2b(f"{entry.source}\x1f{entry.heading}\x1f".encode(), key=key, digest_size=20)
    mac.update(entry.body)
    return mac.digest()


def row_of(
    person: Person,
    entry: Entry,
    version: int,
    digest: bytes,
    under: bytes | None,
    told: int | None,
    message: str | None,
) -> dict[str, object]:
    """The row of a version of a person's, sealed for its place."""
    return {
        "person": person.key,
        "id": entry.id,
        "version": version,
        "type": entry.type,
        "source": entry.source,
        "last_updated": entry.last_updated,
        "digest": digest,
        "sealed": seal(person.data_key, _encoder.encode(entry), _place(person.key, entry.id, version)),
        "filed_under": under or None,
        "told": told or None,
        "message": message or None,
    }


def open_row(person: Person, logical: str, version: int, sealed: bytes) -> Entry:
    """The entry of a row of a person's. Raises Fault ``unreadable``."""
    return _decoder.decode(unseal(person.data_key, sealed, _place(person.key, logical, version)))


def _place(person: str, logical: str, version: int) -> bytes:
    return f"resource/{person}/{logical}/{version}".encode()
