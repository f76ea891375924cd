"""What people ask about looks at their record, and what they are answered: sealed with the person's key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from scr.store.keys import KeyRing, random_id, seal, unseal
from scr.store.people import Person, person_by_key
from scr.store.tables import LOOK_QUESTION


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """A question: what it says, who asks (subject and name), and the look as they were told it, in words."""

    text: str
    by: str
    name: str
    about: str


class Answered(msgspec.Struct, frozen=True, array_like=True):
    """What was answered, and by whom (subject and name)."""

    text: str
    by: str
    name: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a look. ``look`` is the id of the audit's row; instants are ms UTC."""

    id: str
    person: str
    look: str
    asked: int
    question: Asked
    answered: int | None = None
    answer: Answered | None = None


_NAMES = ("id", "person", "look", "asked", "sealed", "answered", "answer")
_COLUMNS = tuple(LOOK_QUESTION.c[name] for name in _NAMES)
_encoder = msgspec.msgpack.Encoder()
_asked = msgspec.msgpack.Decoder(Asked)
_answered = msgspec.msgpack.Decoder(Answered)


def ask(connection: Connection, person: Person, look: str, asked: Asked, now: int) -> Question:
    """Keep a question of a person about a look."""
    made = Question(random_id(), person.key, look, now, asked)
    sealed = seal(person.data_key, _encoder.encode(asked), _place(made, "question"))
    row = {"person": person.key, "id": made.id, "look": look, "asked": now, "sealed": sealed}
    connection.execute(insert(LOOK_QUESTION), row)
    return made


def answer(connection: Connection, person: Person, one: Question, said: Answered, now: int) -> bool:
    """Keep the answer; False where there is one already."""
    sealed = seal(person.data_key, _encoder.encode(said), _place(one, "answer"))
    change = (
        update(LOOK_QUESTION)
        .where(
            LOOK_QUESTION.c.person == person.key,
            LOOK_QUESTION.c.id == one.id,
            LOOK_QUESTION.c.answered.is_(None),
        )
        .values(answered=now, answer=sealed)
    )
    return bool(connection.execute(change).rowcount)


def of_people(connection: Connection, people: Sequence[Person]) -> list[Question]:
    """What these persons, who are one, have asked, the newest first."""
    by_key = {person.key: person for person in people}
    query = select(*_COLUMNS).where(LOOK_QUESTION.c.person.in_(list(by_key)))
    rows = connection.execute(query.order_by(LOOK_QUESTION.c.asked.desc(), LOOK_QUESTION.c.id))
    return [_opened(by_key[row.person], row) for row in rows]


def waiting(connection: Connection, keys: KeyRing, limit: int) -> list[tuple[Person, Question]]:
    """What nobody has answered, the oldest first, with whose record it is about."""
    query = select(*_COLUMNS).where(LOOK_QUESTION.c.answered.is_(None))
    query = query.order_by(LOOK_QUESTION.c.asked, LOOK_QUESTION.c.id).limit(limit)
    return _with_people(connection, keys, connection.execute(query))


def by_id(connection: Connection, keys: KeyRing, question: str) -> tuple[Person, Question] | None:
    """A question by its id."""
    query = select(*_COLUMNS).where(LOOK_QUESTION.c.id == question)
    return next(iter(_with_people(connection, keys, connection.execute(query))), None)


def _with_people(connection: Connection, keys: KeyRing, rows: Iterable[Any]) -> list[tuple[Person, Question]]:
    found = []
    for row in list(rows):
        person = person_by_key(connection, keys, row.person)
        if person is not None:
            found.append((person, _opened(person, row)))
    return found


def _opened(person: Person, row: Any) -> Question:
    bare = Question(row.id, row.person, row.look, row.asked, Asked("", "", "", ""))
    asked = _asked.decode(unseal(person.data_key, row.sealed, _place(bare, "question")))
    if row.answer is None:
        return Question(row.id, row.person, row.look, row.asked, asked)
    said = _answered.decode(unseal(person.data_key, row.answer, _place(bare, "answer")))
    return Question(row.id, row.person, row.look, row.asked, asked, row.answered, said)


def _place(one: Question, what: str) -> bytes:
    return f"look-question/{one.person}/{one.id}/{what}".encode()
