"""Messages as they came, kept once.

A message is kept before anything is done with it, under a key of its own. When it turns out to be
about one person its key is wrapped by that person's, so that erasing the person erases it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import cast

import orjson
from sqlalchemy import Connection, bindparam, delete, select, text, tuple_, update

from scr.errors import NotFound
from scr.fhir.identifiers import OdsCode
from scr.store.driver import Ran, ask, run, settle, written
from scr.store.keys import DataKey, KeyRing, random_id, seal, seal_long, unreadable, unseal
from scr.store.people import Person, person_by_key
from scr.store.tables import LONG_PAYLOAD, MESSAGE, WAITING


class MessageState(StrEnum):
    """How far a message has come. ``received`` is kept and not done with; ``waiting`` is to be done again,
    because the national register did not say whose it is."""

    RECEIVED = "received"
    WAITING = "waiting"
    FILED = "filed"
    QUARANTINED = "quarantined"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept message. ``duplicate``: its bytes came before; still ``received``, it is to be done again.

    ``key`` is its own, where it was made now.
    """

    id: str
    state: MessageState
    duplicate: bool
    key: DataKey | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Message:
    """What is known of a message without opening it. ``received`` is ms UTC; ``outcome`` are counts."""

    id: str
    provider: OdsCode
    feed: str
    received: int
    state: MessageState
    outcome: Mapping[str, int]
    person: str | None


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a message has waited: ``tries`` so far, how many of them with an answer that could not be
    used (``refusals``), and when it is tried ``again`` (ms UTC)."""

    tries: int
    refusals: int
    again: int


_UNDONE = (MessageState.RECEIVED.value, MessageState.WAITING.value)
_KNOWN = select(MESSAGE.c.id, MESSAGE.c.state).where(
    MESSAGE.c.provider == bindparam("provider"), MESSAGE.c.digest == bindparam("digest")
)
_INTO = "INSERT INTO message (id, provider, feed, received, digest, state, outcome, wrapped_key, sealed)"
_UNLESS_KNOWN = "ON CONFLICT (provider, digest) DO NOTHING"
_KEEP = written(f"{_INTO} VALUES (?, ?, ?, ?, ?, 'received', '{{}}', ?, ?) {_UNLESS_KNOWN}")
_ROOM = text("INSERT INTO long_payload (message, sealed) VALUES (:message, zeroblob(:size))")
_KEPT = ("id", "provider", "feed", "received", "digest", "wrapped_key", "sealed")
_LONG = 1_000_000
_FINISH = written("UPDATE message SET state = ?, outcome = ?, adapter = ? WHERE id = ?")
_FINISH_OF_PERSON = written(
    "UPDATE message SET state = ?, outcome = ?, adapter = ?, person = ?, wrapped_key = ? WHERE id = ?"
)
_TAKEN = "SELECT person, wrapped_key FROM message WHERE id = ? AND state IN ('received', 'waiting')"
_TAKE = {**written(_TAKEN), "postgresql": written(f"{_TAKEN} FOR UPDATE")["postgresql"]}
_WAIT = (
    update(MESSAGE)
    .where(MESSAGE.c.id == bindparam("which"), MESSAGE.c.state.in_(_UNDONE))
    .values(state=MessageState.WAITING.value, outcome=bindparam("outcome"))
)
_HOLD = text(
    "INSERT INTO waiting (message, claimed) VALUES (:message, :claimed)"
    " ON CONFLICT (message, claimed) DO NOTHING"
)
_LONG_ONE = select(LONG_PAYLOAD.c.sealed).where(LONG_PAYLOAD.c.message == bindparam("id"))
_FORGET_WAITING = delete(WAITING).where(WAITING.c.message == bindparam("which"))
_MINE = MESSAGE.alias()
_OLDER = select(MESSAGE.c.id).where(
    _MINE.c.id == bindparam("id"),
    MESSAGE.c.provider == _MINE.c.provider,
    MESSAGE.c.feed == _MINE.c.feed,
    MESSAGE.c.state == MessageState.WAITING.value,
    tuple_(MESSAGE.c.received, MESSAGE.c.id) < tuple_(_MINE.c.received, _MINE.c.id),
)
_LATER = MESSAGE.alias()
_REOPEN = (
    update(MESSAGE)
    .where(
        MESSAGE.c.id == bindparam("which"),
        select(_LATER.c.id)
        .where(
            _LATER.c.provider == MESSAGE.c.provider,
            _LATER.c.feed == MESSAGE.c.feed,
            _LATER.c.received > MESSAGE.c.received,
        )
        .exists(),
    )
    .values(state=MessageState.RECEIVED.value, received=bindparam("now"))
)
_KEY = select(MESSAGE.c.person, MESSAGE.c.wrapped_key).where(MESSAGE.c.id == bindparam("id"))
_MESSAGE = select(*(MESSAGE.c[one.name] for one in fields(Message)))


def keep(connection: Connection, keys: KeyRing, provider: OdsCode, feed: str, raw: bytes, now: int) -> Kept:
    """Keep a payload, once for each provider."""
    digest = keys.fingerprint(f"message {provider}", raw)
    same = {"provider": provider.value, "digest": digest}
    message, data_key = random_id(), DataKey.new()
    row = {
        **same,
        "id": message,
        "feed": feed,
        "received": now,
        "wrapped_key": keys.wrap(data_key, place_of("message", message, "key")),
        "sealed": seal_long(data_key, raw, place_of("message", message, "raw")),
    }
    if _insert(connection, row):
        return Kept(message, MessageState.RECEIVED, duplicate=False, key=data_key)
    known = connection.execute(_KNOWN, same).one()
    return Kept(known.id, MessageState(known.state), duplicate=True)


def _insert(connection: Connection, row: Mapping[str, object]) -> bool:
    """Put a message in; False where its bytes are there. SQLite would copy a long value twice on its way, and
    twice again with every change of its row: room is made for it elsewhere, and it is written there."""
    sealed = row["sealed"]
    if connection.dialect.name != "sqlite" or not isinstance(sealed, bytearray) or len(sealed) < _LONG:
        return bool(run(connection, _KEEP, tuple(row[name] for name in _KEPT)).rowcount)
    short = {**row, "sealed": b""}
    if not run(connection, _KEEP, tuple(short[name] for name in _KEPT)).rowcount:
        return False
    room_made = connection.execute(_ROOM, {"message": row["id"], "size": len(sealed)})
    driver = cast(sqlite3.Connection, connection.connection.driver_connection)
    with driver.blobopen("long_payload", "sealed", room_made.lastrowid) as room:
        room.write(sealed)
    return True


def ask_for(connection: Connection, message: str) -> Ran:
    """Ask for a message, to ``take`` it."""
    return ask(connection, _TAKE, (message,))


def take(
    connection: Connection, keys: KeyRing, message: str, asked: Ran, known: DataKey | None = None
) -> DataKey | None:
    """The key of a message that is still to be done; None where it is done, or never came.

    Whoever takes it holds it until the end of the transaction. To whom the key is ``known``, it is not opened
    again. ``asked`` is from ``ask_for``.
    """
    settle(connection)
    row = asked.fetchone()
    return None if row is None else known or key_of(connection, keys, message, *row)


def reopen(connection: Connection, message: str, now: int) -> bool:
    """Let a message that is done be done again, if another of its feed has come since; whether it was so."""
    return bool(connection.execute(_REOPEN, {"which": message, "now": now}).rowcount)


def finish(
    connection: Connection,
    keys: KeyRing,
    message: str,
    state: MessageState,
    outcome: Mapping[str, int],
    person: Person | None = None,
    *,
    key: DataKey | None = None,
    adapter: str = "",
) -> None:
    """Say what came of a message: its state, its counts, and whose it is, where it is one person's alone.

    ``key`` is the message's own, from ``take``; ``adapter`` what read it. Raises NotFound for an id that was
    never kept.
    """
    counts = orjson.dumps(dict(outcome)).decode()
    if person is None:
        done = run(connection, _FINISH, (state.value, counts, adapter or None, message))
    else:
        key = key or message_key(connection, keys, message)
        wrapped = seal(person.data_key, key.raw, place_of("message", message, "key"))
        values = (state.value, counts, adapter or None, person.key, wrapped, message)
        done = run(connection, _FINISH_OF_PERSON, values)
    if not done.rowcount:
        raise _no_message()


def wait(connection: Connection, message: str, wait: Wait, claimed: Iterable[str]) -> None:
    """Let a message that is not done with wait. ``claimed`` are the blind tokens of the NHS Numbers that it
    names, so that their records tell that something is held back. One that is done with stays so."""
    outcome = orjson.dumps({"tries": wait.tries, "refusals": wait.refusals, "again": wait.again}).decode()
    if connection.execute(_WAIT, {"which": message, "outcome": outcome}).rowcount:
        for token in sorted(set(claimed)):
            connection.execute(_HOLD, {"message": message, "claimed": token})


def waiting(connection: Connection) -> list[tuple[Message, Wait]]:
    """The messages that wait, the oldest first."""
    query = _MESSAGE.where(MESSAGE.c.state == MessageState.WAITING.value)
    rows = connection.execute(query.order_by(MESSAGE.c.received, MESSAGE.c.id))
    found = [_message(*row) for row in rows]
    return [(one, wait_of(one)) for one in found]


def wait_of(message: Message) -> Wait:
    """How long a message has waited; nothing of it where it does not wait."""
    counts = message.outcome if message.state is MessageState.WAITING else {}
    return Wait(counts.get("tries", 0), counts.get("refusals", 0), counts.get("again", 0))


def forget_wait(connection: Connection, message: str) -> None:
    """Let go of what was noted for the time that a message waited, once it is done with."""
    connection.execute(_FORGET_WAITING, {"which": message})


def has_to_queue(connection: Connection, message: str) -> bool:
    """Whether an older message of the same feed waits, so that this one's turn has not come."""
    return connection.execute(_OLDER, {"id": message}).first() is not None


def open_raw(connection: Connection, keys: KeyRing, message: str) -> bytes:
    """The payload as it came. Raises NotFound; Fault ``unreadable`` where its person was erased."""
    key = message_key(connection, keys, message)
    sealed = connection.execute(select(MESSAGE.c.sealed).where(MESSAGE.c.id == message)).scalar_one()
    if not sealed:
        sealed = connection.execute(_LONG_ONE, {"id": message}).scalar_one_or_none() or b""
    return unseal(key, sealed, place_of("message", message, "raw"))


def describe(connection: Connection, message: str) -> Message:
    """A message without its payload. Raises NotFound."""
    row = connection.execute(_MESSAGE.where(MESSAGE.c.id == message)).one_or_none()
    if row is None:
        raise _no_message()
    return _message(*row)


def pending(connection: Connection, limit: int | None = 1000) -> list[Message]:
    """Messages that were kept and never finished, the oldest first: to be done at a start."""
    query = _MESSAGE.where(MESSAGE.c.state == MessageState.RECEIVED.value)
    return [_message(*row) for row in connection.execute(query.order_by(MESSAGE.c.received).limit(limit))]


def message_key(connection: Connection, keys: KeyRing, message: str) -> DataKey:
    """The message's own key, by way of the ring or of the person whose it is."""
    row = connection.execute(_KEY, {"id": message}).one_or_none()
    if row is None:
        raise _no_message()
    return key_of(connection, keys, message, *row)


def key_of(
    connection: Connection, keys: KeyRing, message: str, person: str | None, wrapped: bytes
) -> DataKey:
    """As ``message_key``, of a row that was read."""
    place = place_of("message", message, "key")
    if person is None:
        return keys.unwrap(wrapped, place)
    owner = person_by_key(connection, keys, person)
    if owner is None:
        raise unreadable(place)
    return DataKey.of(unseal(owner.data_key, wrapped, place))


def _message(
    identity: str, provider: str, feed: str, received: int, state: str, outcome: str, person: str | None
) -> Message:
    counts = orjson.loads(outcome)
    return Message(identity, OdsCode(provider), feed, received, MessageState(state), counts, person)


def _no_message() -> NotFound:
    return NotFound("no message has this id", code="no-message")


def place_of(kind: str, identity: str, what: str) -> bytes:
    """What a sealed value is bound to."""
    return f"{kind}/{identity}/{what}".encode()
