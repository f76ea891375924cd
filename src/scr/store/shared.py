"""Payloads about several people: what of one of them stands there is let go of when that one is erased.

Such a payload has a key of its own, and no one person's erasure destroys it. So the payload itself is let go
of, whole, where it names the person, as is each part in quarantine that names them; the others' parts in
quarantine are sealed with a new key, and stay.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, or_, select, update

from scr.fhir.identifiers import NHSNumber
from scr.store.driver import run, written
from scr.store.keys import DataKey, KeyRing, seal, unseal
from scr.store.messages import MessageState, message_key, open_raw, place_of
from scr.store.quarantine import QuarantineState
from scr.store.tables import HISTORY, LONG_PAYLOAD, MESSAGE, PERSON_INDEX, QUARANTINE, RELATIONSHIP, RESOURCE

_DONE = [MessageState.FILED.value, MessageState.QUARANTINED.value, MessageState.REFUSED.value]
_HOLD = written("SELECT id FROM message WHERE id = ?")
_HOLD["postgresql"] += " FOR UPDATE"
_BLOCK = 1 << 20
_OVERLAP = 200


def may_name(connection: Connection, people: Sequence[str]) -> list[str]:
    """The messages of several people that may name one of these persons (opaque keys): those of each provider
    that has told anything of them or has to do with them."""
    told = [select(table.c.source).where(table.c.person.in_(people)) for table in (RESOURCE, HISTORY)]
    related = select(RELATIONSHIP.c.source).where(RELATIONSHIP.c.person.in_(people))
    query = select(MESSAGE.c.id).where(
        MESSAGE.c.person.is_(None),
        MESSAGE.c.state.in_(_DONE),
        or_(
            MESSAGE.c.provider.in_(told[0].union(*told[1:], related)),
            MESSAGE.c.id.in_(select(QUARANTINE.c.message).where(QUARANTINE.c.claimed.in_(_tokens(people)))),
        ),
    )
    return list(connection.execute(query.order_by(MESSAGE.c.id)).scalars())


def let_go(
    connection: Connection, keys: KeyRing, message: str, people: Sequence[str], numbers: Sequence[NHSNumber]
) -> bool:
    """Let go of a payload and its parts in quarantine where they are about one of these; whether any was."""
    run(connection, _HOLD, (message,))
    query = select(QUARANTINE.c.id, QUARANTINE.c.sealed, QUARANTINE.c.claimed)
    rows = connection.execute(query.where(QUARANTINE.c.message == message)).all()
    tokens = set(connection.execute(_tokens(people)).scalars())
    theirs = [row.id for row in rows if row.claimed in tokens and row.sealed]
    if not (theirs or _came_in(connection, message, people) or _names(connection, keys, message, numbers)):
        return False
    former, new = message_key(connection, keys, message), DataKey.new()
    for row in rows:
        if row.id in theirs or not row.sealed:
            values = {"sealed": b"", "state": QuarantineState.DISMISSED.value}
        else:
            place = place_of("quarantine", row.id, "raw")
            values = {"sealed": seal(new, unseal(former, row.sealed, place), place)}
        connection.execute(update(QUARANTINE).where(QUARANTINE.c.id == row.id).values(**values))
    wrapped = keys.wrap(new, place_of("message", message, "key"))
    connection.execute(update(MESSAGE).where(MESSAGE.c.id == message).values(wrapped_key=wrapped, sealed=b""))
    connection.execute(delete(LONG_PAYLOAD).where(LONG_PAYLOAD.c.message == message))
    return True


def names(raw: bytes, numbers: Sequence[NHSNumber]) -> bool:
    """Whether an NHS Number stands in a payload: with or without spaces, in any encoding that has the digits
    of ASCII, one or two bytes each; also in a workbook or another archive of files."""
    each = (rb"[\s\x00\-]*".join(re.escape(one.encode()) for one in number.value) for number in numbers)
    pattern = re.compile(rb"(?<!\d)(?:" + rb"|".join(each) + rb")(?!\d)")
    return any(pattern.search(block) for block in _blocks(raw))


def _names(connection: Connection, keys: KeyRing, message: str, numbers: Sequence[NHSNumber]) -> bool:
    """Of a payload that was let go of before, nothing stands there."""
    sizes = select(MESSAGE.c.sealed != b"").where(MESSAGE.c.id == message)
    long = select(LONG_PAYLOAD.c.message).where(LONG_PAYLOAD.c.message == message)
    there = connection.execute(sizes).scalar_one() or connection.execute(long).first() is not None
    return bool(there) and names(open_raw(connection, keys, message), numbers)


def _came_in(connection: Connection, message: str, people: Sequence[str]) -> bool:
    """Whether something of theirs came in it."""
    queries = (
        select(table.c.id).where(table.c.person.in_(people), table.c.message == message).limit(1)
        for table in (RESOURCE, HISTORY)
    )
    return any(connection.execute(query).first() is not None for query in queries)


def _tokens(people: Sequence[str]) -> Select[Any]:
    return select(PERSON_INDEX.c.token).where(PERSON_INDEX.c.person.in_(people))


def _blocks(raw: bytes) -> Iterator[bytes]:
    yield raw
    if not zipfile.is_zipfile(io.BytesIO(raw)):
        return
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                before = b""
                while block := file.read(_BLOCK):
                    yield before + block
                    before = block[-_OVERLAP:]
