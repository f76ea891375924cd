"""What somebody was shown of a person when they last opened all of the record: ids and versions, sealed.

It is kept for each who asks apart, by a keyed hash of the token's subject, and goes with the person.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, bindparam, select

from scr.store.driver import run, written
from scr.store.keys import KeyRing, seal, unseal
from scr.store.people import Person
from scr.store.tables import LAST_LOOK


class Shown(msgspec.Struct, frozen=True, array_like=True):
    """What was shown: for each reference (``Type/id``) its version and source; and the sources of which
    something was missing, by ODS code."""

    entries: dict[str, tuple[str, str]]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LastLook:
    """A look: when (ms UTC), and what it showed."""

    at: int
    shown: Shown


_AGAIN = written("UPDATE last_look SET at = ? WHERE person = ? AND subject = ? AND digest = ?")
_KEEP = written(
    "INSERT INTO last_look (person, subject, at, digest, sealed) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (person, subject) DO UPDATE SET at = excluded.at, digest = excluded.digest,"
    " sealed = excluded.sealed"
)
_ONE = select(LAST_LOOK.c.at, LAST_LOOK.c.sealed).where(
    LAST_LOOK.c.person == bindparam("person"), LAST_LOOK.c.subject == bindparam("subject")
)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Shown)


def packed(shown: Shown) -> bytes:
    """What was shown, as ``keep`` takes it."""
    return _encoder.encode(shown)


def keep(
    connection: Connection, keys: KeyRing, person: Person, subject: str, packed: bytes, now: int
) -> None:
    """Keep what a subject was shown now, in the place of what it was shown before.

    Where that is the same, which is most often, only the time is written.
    """
    digest = hashlib.blake2b(packed, key=person.data_key.digest_key(), digest_size=16).digest()
    who = keys.blind("last-look", subject)
    if run(connection, _AGAIN, (now, person.key, who, digest)).rowcount:
        return
    sealed = seal(person.data_key, packed, _place(person, who))
    run(connection, _KEEP, (person.key, who, now, digest, sealed))


def load(connection: Connection, keys: KeyRing, person: Person, subject: str) -> LastLook | None:
    """The last look of a subject at a person; None where there was none."""
    who = keys.blind("last-look", subject)
    row = connection.execute(_ONE, {"person": person.key, "subject": who}).one_or_none()
    if row is None:
        return None
    return LastLook(row.at, _decoder.decode(unseal(person.data_key, row.sealed, _place(person, who))))


def _place(person: Person, who: str) -> bytes:
    return f"last-look/{person.key}/{who}".encode()
