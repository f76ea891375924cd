"""A new data key for a person: stopped at any step, with readers and writers of a moment ago, all opens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, LargeBinary, select
from tests.unit.store.samples import NOW, filed, note, person
from tests.unit.store.whole import fill, read_all

from scr.errors import Fault
from scr.store.engine import Database
from scr.store.filing import file_entries
from scr.store.keys import DataKey, KeyRing, unseal
from scr.store.people import Person, erase_person, person_by_key
from scr.store.records import load_record
from scr.store.sealed import SEALED
from scr.store.tables import KEY_TURN, MESSAGE, metadata
from scr.store.turning import GRACE_MS, Turning
from scr.store.wrapped import ROWS

OTHERWISE = {
    "audit.hash", "audit.salt", "audit_seal.root", "audit_seal.parts", "audit_seal.signature",
    "coverage_day.fields", "feed_profile.profile", "message.digest", "pulled.digest", "resource.digest",
    "resource.filed_under", "resource_history.digest", "resource_history.filed_under",
    "last_look.digest",  # nothing that opens
    "person.wrapped_key",  # by the ring
    "message.sealed", "long_payload.sealed", "quarantine.sealed",  # by the message's key
    "link.sealed",  # by two persons' keys
}  # fmt: skip
"""Every column of bytes that no person's key alone seals, nor a key in its own row, by what it is."""


class Killed(BaseException):
    """The process ends."""


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> int:
        return self.at


def test_every_column_of_bytes_is_known_for_what_it_is() -> None:
    """One that is added, and sealed, and not gone over, could never be opened again, or keeps its key."""
    every = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.c
        if isinstance(column.type, LargeBinary)
    }
    sealed = {f"{one.table.name}.{one.column}" for one in SEALED}
    own = {f"{one.table.name}.{name}" for one in ROWS for name in ("wrapped_key", "sealed")}
    assert every == OTHERWISE | sealed | own
    assert len(every) == len(OTHERWISE) + len(sealed) + len(own)


def opened_by(database: Database, key: DataKey, person: str) -> tuple[int, int]:
    """How many of a person's sealed values a key opens, and how many there are."""

    def opens(sealed: bytes, place: bytes) -> bool:
        try:
            unseal(key, sealed, place)
        except Fault:
            return False
        return True

    def work(connection: Connection) -> tuple[int, int]:
        found = [value for one in SEALED for value in one.every(connection, person)]
        tables = {one.table.name for one in SEALED if any(one.every(connection, person))}
        assert tables == {one.table.name for one in SEALED}
        return sum(opens(value.sealed, value.place) for value in found), len(found)

    return database.read_now(work)


def test_all_is_readable_after_every_step_and_the_former_key_opens_nothing(
    database: Database, keys: KeyRing
) -> None:
    """Killed after each transaction in turn, and gone on with: everything opens all the time; at the end the
    former key opens nothing of it, and what is sent again is still the same."""
    whole = fill(database, keys)
    read_all(database, keys, whole)
    first = database.read_now(lambda c: person_by_key(c, keys, whole.key))
    assert first is not None
    opened, there = opened_by(database, first.data_key, whole.key)
    assert opened == there > 20
    own = database.read_now(
        lambda c: c.execute(select(MESSAGE.c.sealed).order_by(MESSAGE.c.id)).scalars().all()
    )
    clock, steps = Clock(), 0
    left, stride = 1, 1 if database.dialect == "sqlite" else 9

    def killed(_: str) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Killed

    turning = Turning(database, keys, NOW + 1, clock, killed)
    while True:
        try:
            if turning.go_on().done:
                break
            clock.at += GRACE_MS + 1
            left = 1
        except Killed:
            steps += 1
            left = stride * steps + 1  # each time a little further
            read_all(database, keys, whole)
        assert steps < 500
    assert stride * steps > len(SEALED)
    read_all(database, keys, whole)
    keys.forget()
    read_all(database, keys, whole)
    assert opened_by(database, first.data_key, whole.key)[0] == 0
    now = database.read_now(lambda c: person_by_key(c, keys, whole.key))
    assert now is not None
    assert now.data_key.raw != first.data_key.raw
    assert now.data_key.digest_key() == first.data_key.digest_key()
    fresh = database.read_now(
        lambda c: c.execute(select(MESSAGE.c.sealed).order_by(MESSAGE.c.id)).scalars().all()
    )
    elsewhere = database.dialect == "sqlite"  # what is long
    assert sum(one != other for one, other in zip(own, fresh, strict=True)) == 3 - elsewhere
    again = filed(database, keys, now, [note("of-mine", "first")])
    assert filed(database, keys, first_seen(database, keys, whole.key), [note("of-mine", "first")]).unchanged
    assert again.created == 1
    assert turning.standing().done


def first_seen(database: Database, keys: KeyRing, key: str) -> Person:
    """A person, read."""
    found = database.read_now(lambda c: person_by_key(c, keys, key))
    assert found is not None
    return found


def test_an_error_within_a_step_undoes_it_and_an_erasure_ends_it(database: Database, keys: KeyRing) -> None:
    """What a transaction did before it failed is not there; who is erased meanwhile is not brought back."""
    whole, clock = fill(database, keys), Clock()
    broken = Turning(database, keys, NOW + 1, clock)
    assert broken.go_on().announced == 2
    clock.at += GRACE_MS + 1
    wrong = KeyRing(b"1" * 32, b"2" * 32)
    with pytest.raises(Fault):
        Turning(database, wrong, NOW + 1, clock).go_on()
    read_all(database, keys, whole)
    assert broken.standing().announced == 2
    broken.go_on()
    someone = first_seen(database, keys, whole.key)
    database.write_now(lambda c: erase_person(c, keys, someone))
    clock.at += GRACE_MS + 1
    assert broken.go_on().done
    assert database.read_now(lambda c: person_by_key(c, keys, whole.key)) is None
    assert database.read_now(lambda c: c.execute(select(KEY_TURN)).all()) == []
    assert first_seen(database, keys, whole.other).data_key.other == b""


@pytest.fixture(scope="module")
def shared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for all examples: each has a person of its own."""
    path = tmp_path_factory.mktemp("turning") / "scr.db"
    shutil.copy(sqlite_template, path)
    database = Database.open(f"sqlite:///{path}")
    yield database
    database.close()


STEPS = st.lists(
    st.one_of(
        st.just(("step", 0)),
        st.tuples(st.just("write"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from([1, GRACE_MS // 2, GRACE_MS, GRACE_MS + 1])),
    ),
    max_size=20,
)
_serials = iter(range(10_000))


class Trial:
    """A person, whoever has read them lately, and what was written for them."""

    def __init__(self, database: Database, keys: KeyRing, kills: set[int]) -> None:
        self.database, self.keys, self.clock, self.kills = database, keys, Clock(), kills
        self.name = f"p{next(_serials)}"
        self.first = person(database, keys, int(self.name[1:]))
        self.held = [(self.clock.at, self.first)]
        self.contents: set[str] = set()
        self.steps = 0
        self.turning = Turning(database, keys, self.clock.at + 1, self.clock, self.told)

    def told(self, _: str) -> None:
        """End the process after the steps that were named."""
        self.steps += 1
        if self.steps in self.kills:
            raise Killed

    def step(self, _: int = 0) -> None:
        """Go on with the change of the key, until the end or a kill."""
        with suppress(Killed):
            self.turning.go_on()

    def write(self, which: int) -> None:
        """One of those who have read the person writes."""
        _, whose = self.held[-1 - which % len(self.held)]
        made = note(f"{self.name}-{len(self.contents)}")
        self.database.write_now(lambda c: file_entries(c, self.keys, whose, [made], self.clock.at))
        self.contents.add(made.id)

    def wait(self, ms: int) -> None:
        """Time goes by; nobody keeps a person for longer than the grace."""
        self.clock.at += ms
        self.held = [(at, each) for at, each in self.held if self.clock.at - at <= GRACE_MS]

    def look(self) -> None:
        """Somebody reads the person; all who have read them lately open all of the record."""
        self.held.append((self.clock.at, first_seen(self.database, self.keys, self.first.key)))
        for _, each in self.held:
            got = self.database.read_now(partial(load_record, keys=self.keys, person=each))
            assert {entry.id for entry in got} == self.contents


@given(steps=STEPS, kills=st.sets(st.integers(1, 60), max_size=8))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whoever_was_read_within_the_grace_reads_and_writes(
    shared: Database, keys: KeyRing, steps: list[tuple[str, int]], kills: set[int]
) -> None:
    """Any order of steps, kills, waits, looks, and writes by whoever read the person within the grace: each
    of them opens all that any of them wrote, and so does whoever comes after the former key is gone."""
    trial = Trial(shared, keys, kills)
    for name, value in steps:
        getattr(trial, name)(value)
        trial.look()
    kills.clear()
    for _ in range(4):
        trial.step()
        trial.look()
        trial.wait(GRACE_MS + 1)
    trial.look()
    assert trial.held[-1][1].data_key.raw != trial.first.data_key.raw
    assert trial.turning.standing().done
