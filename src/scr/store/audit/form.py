"""What the hash of a row of the audit is over: its canonical form, of one of two versions.

Version 1 is JSON (RFC 8259) of all columns that tell of the act, its chain and its place in it, names sorted,
nothing between, UTF-8: whoever checks it has to be shown all of it.

Version 2 hides each field by itself. An opening is JSON of three, as the disclosures of SD-JWT: a salt (32
hexadecimal digits), the name of the field, its value. The form is JSON of the chain, the place, the version,
and by the name of each field the SHA-256 of its opening. Who is given some openings sees these fields and
nothing of the others: every salt is made of the row's own random key, which stands in the row and in no
proof. Beside columns there are fields of what the person is told (``telling``), which no column says by
itself; the columns that nobody is told are one field (docs/adr/0021-proofs-for-people.md).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping

import orjson

from scr.store.audit.telling import Telling

VERSION = 2
COLUMNS = (
    "id",
    "at",
    "actor",
    "actor_name",
    "role",
    "organisation",
    "action",
    "person",
    "purpose",
    "what",
    "outcome",
    "code",
    "policy",
    "correlation",
    "details",
)
"""The columns of a row that tell of an act."""
REST = "rest"
"""The field of the columns that the person is not told."""
_OWN = frozenset({"id", "at", "actor_name", "role", "organisation", "purpose"})
_REST = tuple(sorted(set(COLUMNS) - _OWN))
FIELDS = tuple(sorted((*_OWN, REST, *Telling.__struct_fields__)))
"""The fields of version 2, in the order of their salts."""
_KEY_BYTES = 16
_SALT_DIGITS = 32
_PLACES = tuple((name, at * _SALT_DIGITS) for at, name in enumerate(FIELDS))


def new_key() -> bytes:
    """The key of a row's salts."""
    return os.urandom(_KEY_BYTES)


def former_form(content: Mapping[str, object], chain: str, seq: int) -> bytes:
    """The form of version 1 of a row at its place."""
    return orjson.dumps({**content, "chain": chain, "seq": seq}, option=orjson.OPT_SORT_KEYS)


def closed_form(fields: Mapping[str, object], key: bytes, chain: str, seq: int) -> bytes:
    """The form of version 2: every field closed."""
    sha = hashlib.sha256
    made = {name: sha(opening).hexdigest() for name, opening in openings(fields, key)}
    return orjson.dumps(
        {"chain": chain, "fields": made, "seq": seq, "version": VERSION}, option=orjson.OPT_SORT_KEYS
    )


def openings(fields: Mapping[str, object], key: bytes) -> Iterator[tuple[str, bytes]]:
    """By the name of each field what opens it.

    The salts are what SHAKE256 gives of the key: who has some of them learns nothing of the others.
    """
    salts = hashlib.shake_256(key).hexdigest(len(FIELDS) * _SALT_DIGITS // 2)
    for name, at in _PLACES:
        yield name, orjson.dumps((salts[at : at + _SALT_DIGITS], name, fields[name]))


def fields_of(content: Mapping[str, object], telling: Telling) -> dict[str, object]:
    """The fields of a row of version 2 with these columns."""
    fields = {name: content[name] for name in _OWN} | telling.fields
    fields[REST] = {name: content[name] for name in _REST}
    return fields
