"""A new data key for a person, while others read and write the record: nothing is unreadable at any instant.

Whoever read a person a moment ago has the key that there was then, and may seal with it or open what was
sealed since. So a key is changed in stages, and between two of them ``GRACE_MS`` pass, longer than anybody
keeps a person who was read:

- *announced*: the person's row has both keys. The former one seals, either opens.
- *turned*: the new one seals, either opens. What the former one sealed is sealed anew, some rows to a
  transaction (then *resealed*).
- at last, in one transaction, whatever is still sealed by the former one is sealed anew, and it goes.

Each stage of each person is a row; each step is a transaction. It may be stopped at any, and gone on with.
The person's messages get new keys of their own as well. The key of digests stays, or all that is sent
again would look new (``DataKey``). What is nobody's own is done first (``scr.store.turning_rows``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from scr.store.engine import Database
from scr.store.keys import DataKey, KeyRing, seal, sealed_anew, unseal
from scr.store.messages import place_of
from scr.store.people import Person, lock_person, person_by_key
from scr.store.remade import new_message_key
from scr.store.sealed import SEALED, Sealed, Value
from scr.store.tables import KEY_TURN, LINK, MESSAGE, PERSON
from scr.store.turning_rows import RowTurning, attempted

GRACE_MS = 15 * 60 * 1000
"""Longer than any question, stream or message is at work."""
AT_ONCE = 100
_ANNOUNCED, _TURNED, _RESEALED = "announced", "turned", "resealed"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far it is: persons at each stage, those not begun, and when the next step may be (ms UTC); and
    how many ``rows`` and messages that are no person's are left."""

    left: int
    announced: int
    turned: int
    next: int | None
    rows: int

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.next is None and not self.left and not self.rows


@dataclass(frozen=True, slots=True)
class Turning:
    """Changes the data keys that were made before an instant. ``clock`` gives ms UTC.

    One process at a time does it (``scr.store.turns``). ``told`` hears of each transaction that was
    committed.
    """

    database: Database
    keys: KeyRing
    before: int
    clock: Callable[[], int]
    told: Callable[[str], None] = lambda _: None
    grace_ms: int = GRACE_MS

    def go_on(self) -> Standing:
        """Do whatever may be done by now; how it stands then."""
        self._rows.go_on()
        while self._do("announced", self._announce):
            pass
        for key in self._at(_ANNOUNCED):
            self._do("turned", partial(self._turn, key=key))
        for key in self._at(_TURNED, waits=False):
            self._reseal(key)
        for key in self._at(_RESEALED):
            self._do("settled", partial(self._settle, key=key))
        return self.standing()

    def standing(self) -> Standing:
        """How far it is."""
        return self.database.read_now(self._standing)

    def _standing(self, connection: Connection) -> Standing:
        count = select(func.count()).select_from(PERSON).where(self._due)
        groups = select(KEY_TURN.c.stage, func.count(), func.min(KEY_TURN.c.at)).group_by(KEY_TURN.c.stage)
        found = {stage: (many, since) for stage, many, since in connection.execute(groups)}
        pause = self.grace_ms + 1
        soonest = [since + (0 if stage == _TURNED else pause) for stage, (_, since) in found.items()]
        announced = found.pop(_ANNOUNCED, (0, 0))[0]
        turned = sum(many for many, _ in found.values())
        left, rows = connection.execute(count).scalar_one(), self._rows.left(connection)
        return Standing(left, announced, turned, min(soonest, default=None), rows)

    @property
    def _rows(self) -> RowTurning:
        return RowTurning(self.database, self.keys, self.before, self.clock, self.told)

    @property
    def _due(self) -> ColumnElement[bool]:
        made = func.coalesce(PERSON.c.keyed, PERSON.c.created)
        return and_(made < self.before, PERSON.c.key.not_in(select(KEY_TURN.c.person)))

    def _do(self, step: str, work: Callable[[Connection], T]) -> T:
        done = attempted(self.database, work)
        self.told(step)
        return done

    def _at(self, stage: str, *, waits: bool = True) -> list[str]:
        """The persons at a stage, of those whose time has come."""
        until = self.clock() - (self.grace_ms if waits else -1)
        query = select(KEY_TURN.c.person).where(KEY_TURN.c.stage == stage, KEY_TURN.c.at < until)
        query = query.order_by(KEY_TURN.c.person)
        return self.database.read_now(lambda connection: list(connection.execute(query).scalars()))

    def _announce(self, connection: Connection) -> int:
        """Give the next persons a second key each; how many."""
        query = select(PERSON.c.key).where(self._due).order_by(PERSON.c.key).limit(AT_ONCE)
        found = list(connection.execute(query).scalars())
        for key in found:
            person = self._held(connection, key)
            if person is not None:
                self._keep(connection, key, person.data_key.beside(DataKey.new().raw))
                connection.execute(insert(KEY_TURN), {"person": key, "stage": _ANNOUNCED, "at": self.clock()})
        return len(found)

    def _turn(self, connection: Connection, key: str) -> None:
        person = self._held(connection, key)
        if person is not None:
            self._keep(connection, key, person.data_key.turned())
            self._stage(connection, key, _TURNED, at=self.clock())

    def _reseal(self, key: str) -> None:
        """Seal anew what a person has, some rows to a transaction."""
        query = select(MESSAGE.c.id).where(MESSAGE.c.person == key).order_by(MESSAGE.c.id)
        for message in self.database.read_now(lambda conn: list(conn.execute(query).scalars())):
            self._do("message", partial(new_message_key, keys=self.keys, message=message))
        for one in SEALED:
            after: Value | None = None
            while True:
                after = self._do(one.table.name, partial(self._part, key=key, one=one, after=after))
                if after is None:
                    break
        self._do("link", partial(self._links, key=key))
        self._do("resealed", lambda connection: self._stage(connection, key, _RESEALED))

    def _part(self, connection: Connection, key: str, one: Sealed, after: Value | None) -> Value | None:
        person = person_by_key(connection, self.keys, key)
        if person is None:
            return None
        found = one.values(connection, key, after, AT_ONCE)
        _anew(connection, person, one, found)
        return found[-1] if len(found) == AT_ONCE else None

    def _links(self, connection: Connection, key: str) -> None:
        person = person_by_key(connection, self.keys, key)
        if person is not None:
            _link_anew(connection, self.keys, person)

    def _settle(self, connection: Connection, key: str) -> None:
        """Let go of the former key, when nothing is sealed by it any more."""
        person = self._held(connection, key)
        if person is None:
            return
        for one in SEALED:
            _anew(connection, person, one, list(one.every(connection, key)))
        _link_anew(connection, self.keys, person)
        self._keep(connection, key, person.data_key.alone())
        keyed = max(self.clock(), self.before)  # not before the instant, or it would be begun again
        connection.execute(update(PERSON).where(PERSON.c.key == key).values(keyed=keyed))
        connection.execute(delete(KEY_TURN).where(KEY_TURN.c.person == key))

    def _held(self, connection: Connection, key: str) -> Person | None:
        """A person, held until the end of the transaction and read in it; None where they were erased."""
        known = person_by_key(connection, self.keys, key)
        if known is None or not lock_person(connection, known):
            return None
        return person_by_key(connection, self.keys, key)  # `rewrap` may have been there before the lock

    def _keep(self, connection: Connection, key: str, data_key: DataKey) -> None:
        wrapped = self.keys.wrap(data_key, place_of("person", key, "key"))
        connection.execute(update(PERSON).where(PERSON.c.key == key).values(wrapped_key=wrapped))

    def _stage(self, connection: Connection, key: str, stage: str, at: int | None = None) -> None:
        values: dict[str, object] = {"stage": stage} | ({} if at is None else {"at": at})
        connection.execute(update(KEY_TURN).where(KEY_TURN.c.person == key).values(**values))


def _anew(connection: Connection, person: Person, one: Sealed, values: list[Value]) -> None:
    for value in values:
        sealed = sealed_anew(person.data_key, value.sealed, value.place)
        if sealed is not None:
            one.put(connection, value, sealed)


def _link_anew(connection: Connection, keys: KeyRing, person: Person) -> None:
    """The grounds of a person's links: sealed by the former's key, and around that by the retained's."""
    query = select(LINK.c.id, LINK.c.former, LINK.c.retained, LINK.c.sealed)
    query = query.where(or_(LINK.c.former == person.key, LINK.c.retained == person.key))
    for link, former, retained, before in connection.execute(query).all():
        place, sealed = f"link/{link}/grounds".encode(), bytes(before)
        other = person if retained == person.key else person_by_key(connection, keys, retained)
        if other is None:
            continue
        inner = unseal(other.data_key, sealed, place)
        if former == person.key != retained:
            inner = sealed_anew(person.data_key, inner, place) or inner
        change = update(LINK).where(LINK.c.id == link, LINK.c.sealed == sealed)
        connection.execute(change.values(sealed=seal(other.data_key, inner, place)))
