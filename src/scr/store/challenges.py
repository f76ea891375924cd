"""What people say is wrong in their record: until when its source has to answer, and what it answered.

Beside the Task in the record, so that a source finds its own and a clock finds what is due.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import msgspec
from sqlalchemy import Connection, insert, select, update

from scr.errors import NotFound
from scr.store import alerts
from scr.store.alerts import Alert
from scr.store.keys import KeyRing, seal, unseal
from scr.store.people import Person, person_by_key
from scr.store.tables import CHALLENGE

OPEN = ("open", "received")
_MOST = 500


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge. ``id`` is the Task's; ``owner`` the source's ODS code; instants are ms UTC.

    ``state``: open, received, answered, withdrawn; ``outcome``: what the source did, once it has answered.
    """

    person: str
    id: str
    owner: str
    state: str
    opened: int
    due: int
    outcome: str = ""
    reminded: int | None = None
    escalated: int | None = None
    answered: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether the source has still to answer."""
        return self.state in OPEN


class Said(msgspec.Struct, frozen=True, array_like=True):
    """What is said. ``entry`` is the reference of what is challenged, ``what`` its one line.

    ``source`` is the name of its source, ``by`` who says so, ``adder`` their opaque id; ``answer`` is the
    source's, by ``answered_by``.
    """

    entry: str
    what: str
    reason: str
    source: str
    by: str
    adder: str
    own: bool
    answer: str = ""
    answered_by: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A challenge, opened."""

    challenge: Challenge
    said: Said
    person: Person


_NAMES = tuple(Challenge.__dataclass_fields__)
_SELECT = select(*(CHALLENGE.c[name] for name in _NAMES), CHALLENGE.c.sealed)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Said)


def open_challenge(
    connection: Connection, person: Person, challenge: Challenge, said: Said, *, sends: bool
) -> None:
    """Keep a new one; its source is told, where the deployment sends messages."""
    connection.execute(insert(CHALLENGE), {**asdict(challenge), "sealed": _sealed(person, challenge, said)})
    if sends:
        alerts.put(
            connection,
            Alert(challenge.id, alerts.CHALLENGE, challenge.opened, challenge.opened, about=challenge.owner),
        )


def change(connection: Connection, person: Person, challenge: Challenge, said: Said) -> None:
    """Put how far it has come in the place of how far it had."""
    values = {**asdict(challenge), "sealed": _sealed(person, challenge, said)}
    mine = (CHALLENGE.c.person == person.key) & (CHALLENGE.c.id == challenge.id)
    connection.execute(update(CHALLENGE).where(mine).values(values))


def of_people(connection: Connection, people: Sequence[Person]) -> list[Found]:
    """What was challenged of a record, the newest first."""
    by_key = {one.key: one for one in people}
    query = _SELECT.where(CHALLENGE.c.person.in_(by_key)).order_by(CHALLENGE.c.opened.desc(), CHALLENGE.c.id)
    return [_found(row._asdict(), by_key[row.person]) for row in connection.execute(query)]


def find(connection: Connection, keys: KeyRing, logical: str) -> Found:
    """One by its id. Raises NotFound."""
    row = connection.execute(_SELECT.where(CHALLENGE.c.id == logical)).one_or_none()
    person = None if row is None else person_by_key(connection, keys, row.person)
    if row is None or person is None:
        raise NotFound("there is no challenge with this id, or none that is yours", code="no-challenge")
    return _found(row._asdict(), person)


def of_owner(connection: Connection, owner: str) -> list[Challenge]:
    """Those of a source, the first due first; what is answered comes last."""
    query = _SELECT.where(CHALLENGE.c.owner == owner)
    found = [
        _challenge(row._asdict()) for row in connection.execute(query.order_by(CHALLENGE.c.due).limit(_MOST))
    ]
    return sorted(found, key=lambda one: (not one.is_open, one.due, one.id))


def overdue(connection: Connection, now: int) -> list[Challenge]:
    """Those of every source that are not answered in time, the longest first."""
    query = _SELECT.where(CHALLENGE.c.state.in_(OPEN), CHALLENGE.c.due <= now)
    return [
        _challenge(row._asdict()) for row in connection.execute(query.order_by(CHALLENGE.c.due).limit(_MOST))
    ]


def remind(connection: Connection, now: int, ahead: int, *, sends: bool) -> tuple[int, int]:
    """Remind the sources of what is due within ``ahead`` ms, and tell the privacy officer of what is over.

    Each once. Gives how many of each there were.
    """
    query = _SELECT.where(CHALLENGE.c.state.in_(OPEN), CHALLENGE.c.due <= now + ahead)
    reminded = escalated = 0
    for row in connection.execute(query.where(CHALLENGE.c.escalated.is_(None)).limit(_MOST)).all():
        one = _challenge(row._asdict())
        if now >= one.due:
            escalated += _tell(connection, one, alerts.OVERDUE, "overdue", now, sends=sends)
        elif one.reminded is None:
            reminded += _tell(connection, one, alerts.REMINDER, "due", now, sends=sends)
    return reminded, escalated


def _tell(connection: Connection, one: Challenge, kind: str, ending: str, now: int, *, sends: bool) -> int:
    marked = "escalated" if kind == alerts.OVERDUE else "reminded"
    mine = (CHALLENGE.c.person == one.person) & (CHALLENGE.c.id == one.id) & CHALLENGE.c[marked].is_(None)
    changed = connection.execute(update(CHALLENGE).where(mine).values({marked: now})).rowcount
    if changed and sends:
        alerts.put(connection, Alert(f"{one.id}-{ending}", kind, now, now, about=one.owner))
    return changed


def answered(found: Found, outcome: str, answer: str, by: str, now: int) -> Found:
    """A challenge with its source's answer."""
    challenge = replace(found.challenge, state="answered", outcome=outcome, answered=now)
    return Found(challenge, msgspec.structs.replace(found.said, answer=answer, answered_by=by), found.person)


def _found(row: dict[str, object], person: Person) -> Found:
    challenge = _challenge(row)
    sealed = row["sealed"]
    assert isinstance(sealed, bytes | memoryview)
    said = _decoder.decode(unseal(person.data_key, bytes(sealed), _place(challenge)))
    return Found(challenge, said, person)


def _challenge(row: dict[str, object]) -> Challenge:
    return msgspec.convert({name: row[name] for name in _NAMES}, Challenge)


def _sealed(person: Person, challenge: Challenge, said: Said) -> bytes:
    return seal(person.data_key, _encoder.encode(said), _place(challenge))


def _place(challenge: Challenge) -> bytes:
    return f"challenge/{challenge.person}/{challenge.id}".encode()
