"""What live sources told of a person, kept for a while: sealed with the person's key, one copy a source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from scr.errors import Fault
from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.store.keys import KeyRing, seal, unseal
from scr.store.people import Person, person_by_key
from scr.store.tables import PULLED

_HERE = (PULLED.c.person == bindparam("whose"), PULLED.c.source == bindparam("from_whom"))
_READ = select(PULLED.c.at, PULLED.c.sealed).where(*_HERE)
_STILL = update(PULLED).where(*_HERE, PULLED.c.digest == bindparam("same")).values(at=bindparam("now"))
_DROP = delete(PULLED).where(*_HERE)


class Copy(msgspec.Struct, frozen=True, array_like=True):
    """What a source told of a person who had this NHS Number and this Patient id.

    ``headings`` are those that the source itself said were not whole, with the code of the outcome.
    ``made_by`` names the configuration by which it was read and labelled.
    """

    number: str
    subject: str
    made_by: str
    entries: tuple[Entry, ...]
    headings: dict[str, str] = {}
    demographics: Demographics | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Copy).decode


def keep(connection: Connection, person: Person, source: OdsCode, copy: Copy, at: int) -> None:
    """Keep a copy in the place of the one before. One that says the same is written again as a time only."""
    digest = _digest(person, copy)
    where = {"whose": person.key, "from_whom": source.value}
    if connection.execute(_STILL, where | {"same": digest, "now": at}).rowcount:
        return
    drop(connection, person.key, [source])
    sealed = seal(person.data_key, _encode(copy), _place(person.key, source))
    row = {"person": person.key, "source": source.value, "at": at, "digest": digest, "sealed": sealed}
    connection.execute(insert(PULLED), row)


def read(connection: Connection, keys: KeyRing, person: str, source: OdsCode) -> tuple[Copy, int] | None:
    """The copy of a source, and when it was last what the source told (ms UTC); None where there is none."""
    row = connection.execute(_READ, {"whose": person, "from_whom": source.value}).one_or_none()
    owner = person_by_key(connection, keys, person) if row is not None else None
    if row is None or owner is None:
        return None
    plain = unseal(owner.data_key, row.sealed, _place(person, source))
    try:
        return _decode(plain), int(row.at)
    except msgspec.DecodeError:
        raise Fault("a kept copy cannot be read", code="unreadable") from None


def drop(connection: Connection, person: str, sources: Iterable[OdsCode]) -> None:
    """Let go of the copies of these sources."""
    for source in sources:
        connection.execute(_DROP, {"whose": person, "from_whom": source.value})


def sweep(connection: Connection, before: int) -> int:
    """Delete the copies that are older than an instant (ms UTC); how many."""
    return connection.execute(delete(PULLED).where(PULLED.c.at < before)).rowcount


def _digest(person: Person, copy: Copy) -> bytes:
    """Keyed, of what it says and by which configuration; a live entry's version is a hash of its content."""
    versions = sorted((entry.type, entry.id, entry.version, entry.labels) for entry in copy.entries)
    said = (
        copy.number,
        copy.subject,
        copy.made_by,
        versions,
        sorted(copy.headings.items()),
        copy.demographics,
    )
    key = person.data_key.digest_key()
    return hashlib.blake2b(_encode(said), key=key, digest_size=32).digest()


def _place(person: str, source: OdsCode) -> bytes:
    return f"pulled/{person}/{source}".encode()
