"""Records that were opened a moment ago: the same as opening them anew, whatever happens between.

But for their versions, which are of the content here.
"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.store.samples import FAMILY, NOW

from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry, pack, stamp_by_content, versioned_by_content
from scr.fhir.identifiers import NHSNumber
from scr.identity import index
from scr.store.engine import Database
from scr.store.filing import file_entries
from scr.store.keys import KeyRing
from scr.store.people import Person, erase_person, person_by_key
from scr.store.recent import RecentRecords
from scr.store.records import load_record

NUMBERS = ("9990000018", "9990000026")


def observation(name: str, value: int) -> Entry:
    """A resource whose content is its value."""
    resource = {"resourceType": "Basic", "id": name, "meta": {}, "code": {"text": str(value)}}
    return pack(resource, source="ZZH01", now=NOW)


def registered(database: Database, keys: KeyRing, number: str) -> Person:
    """A person, held."""
    told = Demographics(family=FAMILY)
    return database.write_now(lambda c: index.register(c, keys, NHSNumber(number), told, NOW))


STEPS = st.lists(
    st.tuples(st.sampled_from(["file", "look", "wait"]), st.sampled_from([0, 1]), st.integers(0, 3)),
    max_size=12,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_a_remembered_record_is_the_one_in_the_store(
    database: Database, keys: KeyRing, steps: list[tuple[str, int, int]]
) -> None:
    """However filing, looking and waiting follow each other, for one person or two."""
    now = [0.0]
    recent = RecentRecords(seconds=10, max_bytes=3000, clock=lambda: now[0])
    people: dict[int, Person] = {}
    for what, who, value in steps:
        if who not in people:
            found = database.read_now(lambda c, n=NUMBERS[who]: index.find(c, keys, NHSNumber(n)))  # type: ignore[misc]
            people[who] = found or registered(database, keys, NUMBERS[who])
        key = people[who].key
        if what == "file":
            entries = [observation(f"o{who}x{value}", value), observation(f"o{who}", value)]
            database.write_now(lambda c, p=people[who], e=entries: file_entries(c, keys, p, e, NOW))  # type: ignore[misc]
        elif what == "wait":
            now[0] += 4 * value

        def both(c: object, key: str = key) -> tuple[list[Entry], list[Entry]]:
            person = person_by_key(c, keys, key)  # type: ignore[arg-type]
            assert person is not None
            remembered = recent.load(c, keys, person)  # type: ignore[arg-type]
            stored = load_record(c, keys, person)  # type: ignore[arg-type]
            return list(remembered), list(map(versioned_by_content, stored))

        remembered, stored = database.read_now(both)
        assert sorted(remembered, key=lambda e: e.id) == sorted(stored, key=lambda e: e.id)


def test_what_is_remembered_is_not_opened_again_until_the_record_changes(
    database: Database, keys: KeyRing
) -> None:
    """The very same entries, then others after a filing, and nothing after the time is over."""
    now = [0.0]
    recent = RecentRecords(seconds=10, clock=lambda: now[0])
    key = registered(database, keys, NUMBERS[0]).key

    def look(c: object) -> tuple[Entry, ...]:
        person = person_by_key(c, keys, key)  # type: ignore[arg-type]
        assert person is not None
        return recent.load(c, keys, person)  # type: ignore[arg-type]

    def file(c: object, value: int) -> None:
        person = person_by_key(c, keys, key)  # type: ignore[arg-type]
        assert person is not None
        file_entries(c, keys, person, [observation("o", value)], NOW)  # type: ignore[arg-type]

    database.write_now(lambda c: file(c, 1))
    first = database.read_now(look)
    assert database.read_now(look) is first
    database.write_now(lambda c: file(c, 1))
    assert database.read_now(look) is first
    database.write_now(lambda c: file(c, 2))
    second = database.read_now(look)
    assert [e.version for e in second] == [stamp_by_content(observation("o", 2)).version]
    now[0] = 11
    assert database.read_now(look) is not second


def test_an_erased_person_is_not_there_however_lately_they_were_read(
    database: Database, keys: KeyRing
) -> None:
    """Without the person's row nothing asks for the record, and a sweep lets go of it."""
    now = [0.0]
    recent = RecentRecords(seconds=10, clock=lambda: now[0])
    person = registered(database, keys, NUMBERS[0])
    database.write_now(lambda c: file_entries(c, keys, person, [observation("o", 1)], NOW))
    database.read_now(lambda c: recent.load(c, keys, person))
    database.write_now(lambda c: erase_person(c, keys, person))
    assert database.read_now(lambda c: person_by_key(c, keys, person.key)) is None
    now[0] = 11
    recent.sweep()
    assert recent.size == 0


def test_what_was_worked_out_is_kept_with_its_record_and_counted(database: Database, keys: KeyRing) -> None:
    """It is given again for what is equal, made anew for what is not, and gone with the record."""
    now = [0.0]
    recent = RecentRecords(seconds=10, max_bytes=20_000, clock=lambda: now[0])
    person = registered(database, keys, NUMBERS[0])
    assert recent.workings(person.key) is not recent.workings(person.key)
    database.write_now(lambda c: file_entries(c, keys, person, [observation("o", 1)], NOW))

    def look(c: object) -> tuple[Entry, ...]:
        read = person_by_key(c, keys, person.key)  # type: ignore[arg-type]
        assert read is not None
        return recent.load(c, keys, read)  # type: ignore[arg-type]

    (entry,) = database.read_now(look)
    alone = recent.size
    workings = recent.workings(person.key)
    made = [workings.once("one", (hangs_on, 1), lambda: [observation("p", 2)]) for hangs_on in "aab"]
    assert made[0] is made[1] is not made[2]
    workings.redactions.redacted([entry], frozenset(), [], lambda _: True)
    assert recent.workings(person.key) is workings
    assert recent.size == alone + 2 * (alone + len(made[0][0].body) - len(entry.body))
    for number in range(9):
        workings.once("one", number, lambda: [observation("p", 2)])
    assert recent.workings(person.key) is workings
    assert recent.size == alone + 4 * (alone + len(made[0][0].body) - len(entry.body))
    workings.once("all", 1, lambda: [observation("p", 2)] * 2 + [observation("q", 1) for _ in range(40)])
    assert recent.workings(person.key) is workings
    assert recent.size == 0
    assert recent.workings(person.key) is not workings
