"""Links, merges and their undoing in any order: what was apart before is apart again, to the version."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from tests.unit.store.samples import NOW

from scr.errors import Conflict, Forbidden, Unprocessable
from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry, pack
from scr.fhir.identifiers import NHSNumber, OdsCode, is_nhs_number
from scr.identity import index, links, merges
from scr.store.engine import Database
from scr.store.filed_under import marks_of
from scr.store.filing import file_in_view
from scr.store.keys import KeyRing
from scr.store.links import LinkId
from scr.store.people import Person, person_by_key
from scr.store.recent import RecentRecords
from scr.store.records import load_entry, load_record

SYSTEM = "urn:example:mrn"
HOSPITAL = OdsCode("ZZH01")
PEOPLE = 4
LOCAL = (("L0",), ("L1",), ("L2",), ("L3",))
"""The hospital's own identifier of each person, before anything was merged."""

_numbers = map(NHSNumber, filter(is_nhs_number, map(str, range(9_992_000_000, 9_993_000_000))))
"""The examples share a database: each has people of its own."""

_settings = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_who = st.integers(0, PEOPLE - 1)
_pair = st.tuples(_who, _who).filter(lambda pair: pair[0] != pair[1])
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("file"), st.tuples(_who, st.integers(0, 3))),
        st.tuples(st.just("link"), _pair),
        st.tuples(st.just("move"), _pair),
        st.tuples(st.just("undo"), st.tuples(st.integers(0, 9), st.just(0))),
        st.tuples(st.just("bar"), _pair),
    ),
    max_size=14,
)


@dataclass
class World:
    """Four people, and what each would have had if nothing had ever been joined."""

    database: Database
    keys: KeyRing
    run: str
    people: list[str]
    numbers: list[NHSNumber]
    owner: dict[str, int] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)
    made: list[LinkId] = field(default_factory=list)
    barred: set[frozenset[int]] = field(default_factory=set)
    served: set[str] = field(default_factory=set)
    turn: int = 0

    def person(self, conn: Connection, who: int) -> Person:
        """As they are now."""
        found = person_by_key(conn, self.keys, self.people[who])
        assert found is not None
        return found

    def local(self, who: int) -> tuple[str, str]:
        """The hospital's identifier that the person had at first."""
        return SYSTEM, f"{self.run}{LOCAL[who][0]}"

    def record(self, who: int) -> dict[str, Entry]:
        """What is in the person's own row."""
        record = self.database.read_now(lambda c: load_record(c, self.keys, self.person(c, who)))
        return {entry.id: entry for entry in record}


def _world(database: Database, keys: KeyRing) -> World:
    run = uuid.uuid4().hex[:8]
    numbers = [next(_numbers) for _ in range(PEOPLE)]

    def make(conn: Connection) -> list[str]:
        people = [index.register(conn, keys, number, Demographics(), NOW) for number in numbers]
        for person, (local,) in zip(people, LOCAL, strict=True):
            index.learn_local(conn, keys, person, f"{HOSPITAL}|{SYSTEM}", f"{run}{local}")
        return [person.key for person in people]

    return World(database, keys, run, database.write_now(make), numbers)


def _file(world: World, who: int, thing: int) -> None:
    """The hospital sends a thing of a person's: its id is the person's, or one that it uses for two."""
    logical = f"{world.run}p{who}t{thing}" if thing else f"{world.run}shared"
    text = f"turn {world.turn}"

    def file(conn: Connection) -> None:
        person = world.person(conn, who)
        entry = pack(
            {
                "resourceType": "Observation",
                "id": logical,
                "meta": {},
                "status": "final",
                "code": {"text": text},
                "subject": {"reference": f"Patient/{person.patient_id}"},
            },
            source=HOSPITAL.value,
            now=NOW,
        )
        under = marks_of(world.keys, HOSPITAL, [world.local(who)])
        file_in_view(conn, world.keys, person, [entry], NOW + world.turn, under)

    try:
        world.database.write_now(file)
    except Conflict:
        return
    world.owner.setdefault(logical, who)
    world.text[logical] = text


def _link(world: World, former: int, retained: int) -> None:
    def link(conn: Connection) -> LinkId:
        return links.link(
            conn, world.keys, world.person(conn, former), world.person(conn, retained),
            kind="reviewed", reasons=["test"], evidence={}, by="tests", now=NOW + world.turn,
        )  # fmt: skip

    try:
        world.made.append(world.database.write_now(link))
    except (Unprocessable, Forbidden):
        return


def _move(world: World, former: int, retained: int) -> None:
    def move(conn: Connection) -> LinkId:
        return merges.move(
            conn, world.keys, world.person(conn, former), world.person(conn, retained), HOSPITAL,
            [world.local(former)], [world.local(retained)],
            reasons=["test"], evidence={}, by="tests", now=NOW + world.turn,
        )  # fmt: skip

    try:
        world.made.append(world.database.write_now(move))
    except (Unprocessable, Forbidden):
        return


def _undo(world: World, which: int) -> None:
    if not world.made:
        return
    link = world.made[which % len(world.made)]
    try:
        world.database.write_now(
            lambda c: links.unlink(c, world.keys, link, by="tests", reason="test", now=NOW + world.turn)
        )
    except Unprocessable as error:
        if error.code not in {"already-undone", "undo-later-first"}:
            raise


def _bar(world: World, one: int, other: int) -> None:
    numbers = [world.numbers[one], world.numbers[other]]
    try:
        world.database.write_now(
            lambda c: links.bar(c, world.keys, numbers, reason="test", by="tests", now=NOW + world.turn)
        )
    except Unprocessable as error:  # a later merge is in the way, and has to be undone by hand first
        if error.code != "undo-later-first":
            raise
    else:
        world.barred.add(frozenset((one, other)))


def _check_views(world: World) -> None:
    """Whoever is asked for, the view is the same; what is in it is what the rows hold, as the root's."""
    recent = RecentRecords()
    for who in range(PEOPLE):

        def read(conn: Connection, who: int = who) -> tuple[tuple[Person, ...], tuple[Entry, ...]]:
            view = links.view_of(conn, world.keys, world.person(conn, who))
            return view, recent.load(conn, world.keys, view[0], view[1:])

        view, entries = world.database.read_now(read)
        members = {world.people.index(person.key) for person in view}
        assert who in members
        rows = {logical for member in members for logical in world.record(member)}
        assert {entry.id for entry in entries} == rows
        shown = members | {world.owner[logical] for logical in rows}
        assert not any(pair <= shown for pair in world.barred)
        for entry in entries:
            assert entry.references == (f"Patient/{view[0].patient_id}",)
            assert f"Patient/{view[0].patient_id}".encode() in entry.body
            world.served.add(entry.id)


@_settings
@given(steps=_STEPS)
def test_undoing_all_leaves_each_what_was_theirs(
    database: Database, keys: KeyRing, steps: list[tuple[str, tuple[int, int]]]
) -> None:
    """After any filings, links, merges and undoings, and then undoing all: each has what was first filed
    for them, with its newest text and every version; and every id that was served can be read."""
    world = _world(database, keys)
    verbs = {"file": _file, "link": _link, "move": _move, "bar": _bar}
    for verb, (one, other) in steps:
        world.turn += 1
        if verb == "undo":
            _undo(world, one)
        else:
            verbs[verb](world, one, other)
        _check_views(world)
    for _ in world.made:  # the newest first, and again where one was in the way of another
        for which in reversed(range(len(world.made))):
            world.turn += 1
            _undo(world, which)
    for who in range(PEOPLE):
        record = world.record(who)
        assert {logical for logical, owner in world.owner.items() if owner == who} == record.keys()
        for logical, entry in record.items():
            person = database.read_now(lambda c, w=who: world.person(c, w))  # type: ignore[misc]
            assert person.view is None
            assert entry.references == (f"Patient/{person.patient_id}",)
            assert world.text[logical].encode() in entry.body
            found = database.read_now(
                lambda c, w=who: index.find_local(c, keys, f"{HOSPITAL}|{SYSTEM}", world.local(w)[1])  # type: ignore[misc]
            )
            assert found is not None
            assert found.key == world.people[who]
    for logical in world.served:
        assert database.read_now(lambda c, i=logical: load_entry(c, keys, i)) is not None  # type: ignore[misc]
