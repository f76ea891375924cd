"""The lists that looks are held against: the staff, and those who are looked up by the curious.

Each entry is sealed with a key of its own; beside it stand keyed hashes, the NHS Number's as the index of
people has it, so that two are found to be the same without either being opened. A list is put in whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Connection, delete, func, insert, select

from scr.store.driver import run, written
from scr.store.keys import DataKey, KeyRing, seal, unseal
from scr.store.tables import MISUSE_STAFF, MISUSE_VIP

_ENCODER = msgspec.msgpack.Encoder()
_ALL = written("SELECT token, number, family, postcode, organisation FROM misuse_staff")
_VIPS = written("SELECT number FROM misuse_vip")
_NUMBERS = written(
    "SELECT i.token FROM person_index i JOIN person p ON p.key = i.person WHERE i.kind = 'nhs-number'"
    " AND (p.key = ? OR p.view = (SELECT view FROM person WHERE key = ?))"
)


class StaffEntry(msgspec.Struct, frozen=True):
    """A member of staff as the list tells of them. ``user`` is the user id of their tokens; what is not known
    is empty."""

    user: str
    nhs_number: str = ""
    surname: str = ""
    postcode: str = ""
    organisation: str = ""


class VipEntry(msgspec.Struct, frozen=True):
    """Somebody who is looked up by the curious, and why they are on the list."""

    nhs_number: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of staff as keyed hashes, empty where nothing is told."""

    token: str
    number: str
    family: str
    postcode: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Lists:
    """Both lists, as keyed hashes."""

    staff: Mapping[str, Staff] = field(default_factory=dict)
    by_number: Mapping[str, Staff] = field(default_factory=dict)
    families: Mapping[str, int] = field(default_factory=dict)
    vips: frozenset[str] = frozenset()


def read_lists(connection: Connection) -> Lists:
    """Both lists, nothing of them opened."""
    staff = [Staff(*row) for row in run(connection, _ALL).fetchall()]
    return Lists(
        {one.token: one for one in staff},
        {one.number: one for one in staff if one.number},
        Counter(one.family for one in staff if one.family),
        frozenset(row[0] for row in run(connection, _VIPS).fetchall()),
    )


def numbers_of(connection: Connection, person: str) -> frozenset[str]:
    """The keyed hashes of every NHS Number of a person, and of whoever is read as one with them; none of
    somebody who was erased."""
    return frozenset(row[0] for row in run(connection, _NUMBERS, (person, person)).fetchall())


def replace_staff(
    connection: Connection, keys: KeyRing, entries: Collection[tuple[Staff, StaffEntry]]
) -> None:
    """Put in the staff list, in the place of the one before."""
    rows = [
        {
            "token": hashes.token,
            "number": hashes.number,
            "family": hashes.family,
            "postcode": hashes.postcode,
            "organisation": hashes.organisation,
            **_sealed(keys, f"misuse_staff/{hashes.token}", entry),
        }
        for hashes, entry in entries
    ]
    connection.execute(delete(MISUSE_STAFF))
    if rows:
        connection.execute(insert(MISUSE_STAFF), rows)


def replace_vips(connection: Connection, keys: KeyRing, entries: Collection[tuple[str, VipEntry]]) -> None:
    """Put in the list of those who are looked up by the curious, in the place of the one before."""
    rows = [{"number": number, **_sealed(keys, f"misuse_vip/{number}", entry)} for number, entry in entries]
    connection.execute(delete(MISUSE_VIP))
    if rows:
        connection.execute(insert(MISUSE_VIP), rows)


def vips(connection: Connection, keys: KeyRing) -> list[VipEntry]:
    """The list, opened."""
    found = []
    for row in connection.execute(select(MISUSE_VIP).order_by(MISUSE_VIP.c.number)):
        place = f"misuse_vip/{row.number}".encode()
        plain = unseal(keys.unwrap(row.wrapped_key, place), row.sealed, place)
        found.append(msgspec.msgpack.decode(plain, type=VipEntry))
    return found


def staff_entry(connection: Connection, keys: KeyRing, token: str) -> StaffEntry | None:
    """A member of staff, opened, by the keyed hash of the user."""
    row = connection.execute(select(MISUSE_STAFF).where(MISUSE_STAFF.c.token == token)).one_or_none()
    if row is None:
        return None
    place = f"misuse_staff/{token}".encode()
    plain = unseal(keys.unwrap(row.wrapped_key, place), row.sealed, place)
    return msgspec.msgpack.decode(plain, type=StaffEntry)


def counts(connection: Connection) -> tuple[int, int]:
    """How many are on the staff list, and on the other."""
    found: Sequence[int] = [
        connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (MISUSE_STAFF, MISUSE_VIP)
    ]
    return found[0], found[1]


def _sealed(keys: KeyRing, place: str, entry: StaffEntry | VipEntry) -> dict[str, bytes]:
    key = DataKey.new()
    return {
        "wrapped_key": keys.wrap(key, place.encode()),
        "sealed": seal(key, _ENCODER.encode(entry), place.encode()),
    }
