"""The quarantine: parts of messages that nobody could file, each with its reason.

A part stands here, sealed with its message's key, until someone releases or dismisses it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from scr.errors import NotFound
from scr.fhir.identifiers import OdsCode
from scr.store.driver import run, written
from scr.store.keys import KeyRing, random_id, seal, unseal
from scr.store.messages import MessageState, describe, key_of, message_key, place_of
from scr.store.tables import MESSAGE, QUARANTINE


class QuarantineState(StrEnum):
    """``open`` until a human settles it: ``released`` was filed after all, ``dismissed`` never will be."""

    OPEN = "open"
    RELEASED = "released"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A part of a message in quarantine. ``code`` and ``sentence`` say why, without anyone's data."""

    id: str
    message: str
    provider: OdsCode
    adapter: str
    place: str
    code: str
    sentence: str
    created: int
    state: QuarantineState
    attempts: int


_QUARANTINED = select(*(QUARANTINE.c[one.name] for one in fields(Quarantined)))
_WITH_KEY = _QUARANTINED.add_columns(QUARANTINE.c.sealed, MESSAGE.c.person, MESSAGE.c.wrapped_key).join(
    MESSAGE, MESSAGE.c.id == QUARANTINE.c.message
)
"""The part and the key of its message are read at once: the key may be changed (``scr.store.remade``)."""
_HOLDING = written(
    "SELECT provider FROM quarantine WHERE claimed = ? AND state = ?"
    " UNION SELECT m.provider FROM message m JOIN waiting w ON w.message = m.id"
    " WHERE w.claimed = ? AND m.state = ?"
)
_THERE = select(QUARANTINE.c.id).where(QUARANTINE.c.id == bindparam("id"))


def quarantine(
    connection: Connection,
    keys: KeyRing,
    message: str,
    adapter: str,
    place: str,
    code: str,
    sentence: str,
    raw: bytes,
    now: int,
    *,
    number: int | None = None,
    claimed: str | None = None,
) -> str:
    """Put a part of a message in quarantine, with its own bytes; gives the id. Raises NotFound.

    ``number`` is which of the message's parts it is: put there again, as where a message is begun anew
    after the process ended, it stands there once. ``claimed`` is the blind token of the NHS Number that
    the part names.
    """
    key = message_key(connection, keys, message)
    item = random_id() if number is None else f"{message}-{number}"
    if connection.execute(_THERE, {"id": item}).one_or_none() is not None:
        return item
    row = {
        "id": item,
        "message": message,
        "provider": describe(connection, message).provider.value,
        "adapter": adapter,
        "place": place,
        "code": code,
        "sentence": sentence,
        "created": now,
        "state": QuarantineState.OPEN.value,
        "attempts": 1,
        "sealed": seal(key, raw, place_of("quarantine", item, "raw")),
        "claimed": claimed,
    }
    connection.execute(insert(QUARANTINE), row)
    return item


def quarantined(
    connection: Connection,
    state: QuarantineState | None = QuarantineState.OPEN,
    message: str | None = None,
    limit: int = 1000,
) -> list[Quarantined]:
    """What is in quarantine, the oldest first; None: whatever its state."""
    query = _QUARANTINED
    if state is not None:
        query = query.where(QUARANTINE.c.state == state.value)
    if message is not None:
        query = query.where(QUARANTINE.c.message == message)
    rows = connection.execute(query.order_by(QUARANTINE.c.created, QUARANTINE.c.id).limit(limit))
    return [_quarantined(row) for row in rows]


def holding_back(connection: Connection, claimed: str) -> frozenset[OdsCode]:
    """The providers of which something that names this person (by blind token) is not filed: a part in
    quarantine, or a whole message that waits for the national register."""
    asked = (claimed, QuarantineState.OPEN.value, claimed, MessageState.WAITING.value)
    return frozenset(OdsCode(provider) for (provider,) in run(connection, _HOLDING, asked).fetchall())


def open_quarantined(connection: Connection, keys: KeyRing, item: str) -> tuple[Quarantined, bytes]:
    """One part in quarantine and its bytes. Raises NotFound; Fault ``unreadable`` after an erasure."""
    row = connection.execute(_WITH_KEY.where(QUARANTINE.c.id == item)).one_or_none()
    if row is None:
        raise _no_item()
    key = key_of(connection, keys, row.message, row.person, row.wrapped_key)
    return _quarantined(row), unseal(key, row.sealed, place_of("quarantine", item, "raw"))


def settle(connection: Connection, item: str, state: QuarantineState) -> None:
    """Release or dismiss a part in quarantine. Raises NotFound where there is none that is open."""
    change = update(QUARANTINE).where(
        QUARANTINE.c.id == item, QUARANTINE.c.state == QuarantineState.OPEN.value
    )
    if not connection.execute(change.values(state=state.value)).rowcount:
        raise _no_item()


def tried_again(connection: Connection, item: str, code: str, sentence: str) -> None:
    """Another attempt failed, for this reason: it stays in quarantine. Raises NotFound."""
    change = update(QUARANTINE).where(QUARANTINE.c.id == item)
    values = {"attempts": QUARANTINE.c.attempts + 1, "code": code, "sentence": sentence}
    if not connection.execute(change.values(values)).rowcount:
        raise _no_item()


def _quarantined(row: Row[*tuple[Any, ...]]) -> Quarantined:
    found = Quarantined(*row[: len(fields(Quarantined))])
    return replace(found, provider=OdsCode(row.provider), state=QuarantineState(row.state))


def _no_item() -> NotFound:
    return NotFound("nothing open in quarantine has this id; `scr quarantine list`", code="no-quarantine")
