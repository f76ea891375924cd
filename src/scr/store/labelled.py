"""Labels that spread over what a person's record holds already, whichever came first.

Beside the person stands, sealed, what has to be remembered (``scr.consent.spread.Marks``): of each
labelled entry what it passes on, by reference. So a unit that brings no label, for a person who has
none, costs one look at the row that is locked anyway, and one that belongs to a labelled encounter costs
no more. Only a unit that brings something new to be passed on makes the record be read whole, once.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, bindparam, update

from scr.consent.label_policy import LabelPolicy
from scr.consent.labels import is_labelled, spread_over
from scr.consent.lifts import Lift, in_force
from scr.consent.spread import Marks
from scr.fhir.entry import Entry
from scr.store.driver import held, run
from scr.store.keys import KeyRing, seal, unseal
from scr.store.people import Person, view_of
from scr.store.records import load_record
from scr.store.tables import PERSON

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Marks)
_READ = {
    "sqlite": "SELECT labelled FROM person WHERE key = ?",
    "postgresql": "SELECT labelled FROM person WHERE key = %s FOR UPDATE",
}
_KEEP = update(PERSON).where(PERSON.c.key == bindparam("whose")).values(labelled=bindparam("marks"))
_EMPTY = Marks()


def with_labels(
    connection: Connection, keys: KeyRing, person: Person, entries: Sequence[Entry], policy: LabelPolicy
) -> tuple[list[Entry], list[Entry]]:
    """The entries of a unit with the labels of what they belong with, and the held entries that change by it.

    The entries are fresh from ``pack``, and so are those that are given back: both are to be filed. It
    holds the person until the end of the transaction. What was read of a record is read again the next
    time that a label comes. What is held of whoever the person is linked with counts as theirs.
    """
    view = view_of(connection, keys, person)
    before, lifts = _marks_of_view(connection, view), lifts_on(view)
    if not (before.passes or before.named or lifts or is_labelled(entries)):
        return list(entries), []
    mine, _, marks = spread_over(entries, before, policy, lifts)
    if marks == before:
        return mine, []
    return _over_record(connection, keys, person, mine, marks, policy)


def relabelled_record(
    connection: Connection, keys: KeyRing, person: Person, policy: LabelPolicy
) -> list[Entry]:
    """The held entries that get a label by what they belong with, after something else changed the record."""
    before = _marks_of_view(connection, view_of(connection, keys, person))
    return _over_record(connection, keys, person, (), before, policy)[1]


def forget_label(connection: Connection, keys: KeyRing, person: Person, label: str) -> None:
    """Let a person's record remember no more how far a label went: it is spread anew from what is held."""
    for one in view_of(connection, keys, person):
        marks = read_marks(connection, one)
        left = Marks(_without(marks.passes, label), _without(marks.named, label))
        if left != marks:
            _keep(connection, one, left)


def lifts_on(view: Sequence[Person]) -> tuple[Lift, ...]:
    """What somebody has lifted, and nobody put back, of the record of one human being."""
    return in_force(lift for person in view for lift in person.lifts)


def read_marks(connection: Connection, person: Person) -> Marks:
    """What a person's record remembers of its labels; the person is held until the end of the transaction."""
    known = held(connection)
    if person.key not in known:
        row = run(connection, _READ, (person.key,)).fetchone()
        if row is None:
            return _EMPTY
        known[person.key] = row[0]
    sealed = known[person.key]
    return _EMPTY if sealed is None else _decoder.decode(unseal(person.data_key, sealed, _place(person)))


def carry_marks(connection: Connection, before: Person, after: Person) -> None:
    """Let the one record remember what the other does: entries are moved from it with their ids."""
    both = _marks_of_view(connection, (before, after))
    if both != _EMPTY:
        _keep(connection, after, both)


def _marks_of_view(connection: Connection, rows: Sequence[Person]) -> Marks:
    """What the records of one human being remember together."""
    found = _EMPTY
    for person in rows:
        marks = read_marks(connection, person)
        if marks != _EMPTY:
            found = Marks(_joined(found.passes, marks.passes), _joined(found.named, marks.named))
    return found


def _over_record(
    connection: Connection,
    keys: KeyRing,
    person: Person,
    unit: Sequence[Entry],
    before: Marks,
    policy: LabelPolicy,
) -> tuple[list[Entry], list[Entry]]:
    told = {entry.id for entry in unit}
    rows = view_of(connection, keys, person)
    held = [e for row in rows for e in load_record(connection, keys, row) if e.id not in told]
    every, changed, marks = spread_over((*unit, *held), before, policy, lifts_on(rows))
    _keep(connection, person, marks)
    return every[: len(unit)], [entry for entry in changed if entry.id not in told]


def _keep(connection: Connection, person: Person, marks: Marks) -> None:
    sealed = seal(person.data_key, _encoder.encode(marks), _place(person))
    connection.execute(_KEEP, {"whose": person.key, "marks": sealed})
    known = held(connection)
    if person.key in known:
        known[person.key] = sealed


def _joined(one: dict[str, frozenset[str]], other: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    return {name: one.get(name, frozenset()) | other.get(name, frozenset()) for name in one.keys() | other}


def _without(found: dict[str, frozenset[str]], label: str) -> dict[str, frozenset[str]]:
    return {name: left for name, labels in found.items() if (left := labels - {label})}


def _place(person: Person) -> bytes:
    return f"person/{person.key}/labelled".encode()
