"""A new key for a message: its payload and its parts in quarantine, sealed anew."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from scr.store.driver import run, written
from scr.store.keys import DataKey, KeyRing, seal, seal_long, unseal
from scr.store.messages import MessageState, message_key, place_of
from scr.store.people import person_by_key
from scr.store.tables import LONG_PAYLOAD, MESSAGE, QUARANTINE

DONE = (MessageState.FILED.value, MessageState.QUARANTINED.value, MessageState.REFUSED.value)
"""The states in which nobody is at work on a message with the key that it has."""
_HOLD = written("SELECT id FROM message WHERE id = ?")
_HOLD["postgresql"] += " FOR UPDATE"


def new_message_key(connection: Connection, keys: KeyRing, message: str) -> bool:
    """Seal a message with a new key, wrapped by its person's, or by the ring's where it is nobody's alone;
    False where it is not done with, or its person was erased."""
    run(connection, _HOLD, (message,))
    query = select(MESSAGE.c.person, MESSAGE.c.sealed).where(MESSAGE.c.id == message)
    row = connection.execute(query.where(MESSAGE.c.state.in_(DONE), MESSAGE.c.wrapped_key != b"")).first()
    person = person_by_key(connection, keys, row.person) if row is not None and row.person else None
    if row is None or (row.person and person is None):
        return False
    former, new = message_key(connection, keys, message), DataKey.new()
    place = place_of("message", message, "key")
    wrapped = keys.wrap(new, place) if person is None else seal(person.data_key, new.material, place)
    values: dict[str, object] = {"wrapped_key": wrapped}
    place = place_of("message", message, "raw")
    if row.sealed:
        values["sealed"] = bytes(seal_long(new, unseal(former, row.sealed, place), place))
    else:
        long = select(LONG_PAYLOAD.c.sealed).where(LONG_PAYLOAD.c.message == message)
        sealed = connection.execute(long).scalar_one_or_none()
        if sealed:
            anew = bytes(seal_long(new, unseal(former, sealed, place), place))
            there = update(LONG_PAYLOAD).where(LONG_PAYLOAD.c.message == message)
            connection.execute(there.values(sealed=anew))
    _quarantined(connection, former, new, message)
    connection.execute(update(MESSAGE).where(MESSAGE.c.id == message).values(**values))
    return True


def _quarantined(connection: Connection, former: DataKey, new: DataKey, message: str) -> None:
    query = select(QUARANTINE.c.id, QUARANTINE.c.sealed).where(QUARANTINE.c.message == message)
    for item, sealed in connection.execute(query).all():
        place = place_of("quarantine", item, "raw")
        if sealed:
            anew = seal(new, unseal(former, sealed, place), place)
            connection.execute(update(QUARANTINE).where(QUARANTINE.c.id == item).values(sealed=anew))
