"""Whatever the national register answers: nothing is filed to anyone but those whom it may be about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.intake.register import (
    ADA,
    BERT,
    CARA,
    FEEDS,
    Register,
    Taking,
    admitted,
    listed,
    person,
)

from scr.fhir.identifiers import NHSNumber
from scr.identity.pds.facts import (
    Found,
    Invalidated,
    NotKnown,
    NumberAnswer,
    Refused,
    Superseded,
    Unreachable,
)
from scr.store import messages
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.quarantine import quarantined

NUMBERS = (ADA, BERT, CARA)
_PERSONS = st.builds(
    person,
    st.sampled_from(NUMBERS),
    st.sampled_from(["Sample", "Other"]),
    st.sampled_from(["Ada", "Zed"]),
    confidentiality=st.sampled_from(["U", "R", "V", ""]),
)
_SILENCES = st.sampled_from([Unreachable("timed-out"), Unreachable("http-429", 30.0), Refused("malformed")])


def _answers(number: NHSNumber) -> st.SearchStrategy[NumberAnswer]:
    """What the client may say of a number: a person found has that very number (see its own tests)."""
    own = _PERSONS.filter(lambda one: one.number == number).map(Found)
    others = _PERSONS.filter(lambda one: one.number != number).map(lambda one: Superseded(number, one))
    return st.one_of(own, others, st.just(Invalidated(number)), st.just(NotKnown()), _SILENCES)


_WORLDS = st.fixed_dictionaries({number: _answers(number) for number in NUMBERS})
_PAYLOADS = st.lists(st.tuples(st.booleans(), st.sampled_from(NUMBERS)), min_size=1, max_size=4)


@contextmanager
def _empty(template: Path) -> Iterator[Database]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "scr.db"
        copy(template, file)
        database = Database.open(f"sqlite:///{file}")
        try:
            yield database
        finally:
            database.close()


@settings(max_examples=25, deadline=None)
@given(worlds=st.lists(_WORLDS, min_size=1, max_size=2), payloads=_PAYLOADS)
def test_nothing_is_filed_to_anyone_else_and_nothing_is_lost(
    sqlite_template: Path,
    keys: KeyRing,
    worlds: list[dict[NHSNumber, NumberAnswer]],
    payloads: list[tuple[bool, NHSNumber]],
) -> None:
    """Only who was claimed, or was named as a successor, has anything; the rest waits or is in quarantine."""
    with _empty(sqlite_template) as database:
        register = Register()
        taking = Taking(database, keys, register)
        allowed: set[NHSNumber] = set()
        taken = set()
        for world in worlds:
            register.answers = dict(world)
            for count, (pushed, number) in enumerate(payloads):
                if pushed:
                    receipt = taking.take(admitted(number, "ZZ99 1AA", str(count)), FEEDS[1])
                else:
                    receipt = taking.take(listed((number, f"ZZ99 {count}AA")))
                taken.add(receipt.message)
                allowed.add(number)
            for answer in world.values():
                if isinstance(answer, Superseded) and answer.asked in allowed:
                    allowed.add(answer.person.number)
            taking.later()
        held = {number for number in NUMBERS if taking.holds(number)}
        assert held <= allowed
        waiting = {message.id for message, _ in database.read_now(messages.waiting)}
        refused = {item.message for item in database.read_now(quarantined)}
        for message in taken - waiting - refused:
            assert database.read_now(partial(messages.describe, message=message)).outcome["filed"] == 1
        if not any(isinstance(world[n], Found | Superseded) for world in worlds for _, n in payloads):
            assert held == set()
