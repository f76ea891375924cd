"""What is seen of a visit: each case of the table, at once and when the day is over; and in which words."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import product

import pytest
from sqlalchemy import Connection, delete, insert, update
from tests.unit.store.samples import nhs_number

from scr.consent.misuse import OF_DAY, OF_VISIT, load_misuse
from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.fhir.demographics import Demographics
from scr.identity.index import register
from scr.identity.misuse.hashes import Hashes
from scr.identity.misuse.imports import Importing
from scr.identity.misuse.signals import Memory, Seeing
from scr.identity.misuse.told import SIGNALS, evidence
from scr.identity.misuse.watch import MisuseWatch
from scr.identity.oversight import Watcher
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.misuse.days import count
from scr.store.misuse.findings import Status, listed
from scr.store.misuse.lists import read_lists
from scr.store.misuse.visits import UserDay, Visit, clock_of, gather, of_day
from scr.store.tables import MISUSE_DAY, MISUSE_VISIT, PERSON, RELATIONSHIP
from scr.store.trail import AuditRow, append

POLICY = load_policy(DataFiles())
RULES = load_misuse(DataFiles())
OFFICER = Watcher("Tamsin Arkwright", "issuer|9")
ROLE = "R8001"
HOUR, DAY = 3_600_000, 24 * 3_600_000
NOON = round(datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp() * 1000)  # a Wednesday, in winter time
TWO_AT_NIGHT = NOON - 10 * HOUR
PLACE, OTHER = "ZZH01", "ZZH02"
FRESH, OLD, ONGOING = (2, "encounter"), (60, "encounter"), (300, "registration")
"""A relationship: how many days ago it was told, and its kind."""


@dataclass(frozen=True)
class Case:
    """One visit: who, at whom (by number in the list of people), and how. ``at_once`` and ``over``: the
    signals while the day goes on, and those more when it is over."""

    what: str
    user: str
    person: int
    at_once: frozenset[str] = frozenset()
    over: frozenset[str] = frozenset()
    at: int = NOON
    tie: tuple[int, str] | None = FRESH
    others: bool = True
    days_before: tuple[int, ...] = ()
    refused: bool = False
    code: str = "no-relationship"
    details: Mapping[str, str] = field(default_factory=dict)
    place: str = PLACE


def case(what: str, user: str, person: int, at_once: str = "", over: str = "", **how: object) -> Case:
    """A case, its signals as words."""
    return Case(what, user, person, frozenset(at_once.split()), frozenset(over.split()), **how)  # type: ignore[arg-type]


# People: 0 is u0's own record, 1 lives with u1 and has their name, 2 has only the postcode of u1, 3 a surname
# that most of the staff have, 4 a colleague of PLACE, 5 a member of staff of OTHER, 6 is on the list of the
# curious, 7 nobody in particular, 8 is linked with 0.
CASES = (
    case("working time, in a relationship, others look too", "u9", 7),
    case("of a user who is on no list", "stranger", 7),
    case("their own record", "issuer|u0", 0, "own-record"),
    case("their own record, by one that is linked with it", "issuer|u0", 8, "own-record"),
    case("the household", "issuer|u1", 1, "same-surname same-postcode"),
    case("a neighbour", "u1", 2, "same-postcode"),
    case("a surname that many have", "u3", 3),
    case("a colleague", "u9", 4, "colleague"),
    case("staff of another organisation", "u9", 5),
    case("somebody famous", "u9", 6, "vip"),
    case("famous, through a neighbouring record", "u9", 6, "vip", tie=None, details={"neighbour": "n"}),
    case("nothing to do with them, but claimed", "u9", 7, "", "no-relationship", tie=None),
    case("the relationship was told later on that day", "u9", 7, tie=(0, "encounter")),
    case("the relationship was told two days later", "u9", 7, "", "no-relationship", tie=(-2, "encounter")),
    case("nothing was told for long", "u9", 7, "", "quiet", tie=OLD),
    case("of long ago, and goes on", "u9", 7, tie=ONGOING),
    case("refused, and nothing was told", "u9", 7, "", "refused", tie=None, refused=True),
    case("refused by id", "u9", 7, "", "refused", tie=None, refused=True, code="not-found"),
    case("refused, and told later", "u9", 7, tie=(0, "encounter"), refused=True),
    case("nobody else looked", "u9", 7, "", "alone", others=False),
    case("twice before", "u9", 7, "", "returning", days_before=(3, 5)),
    case("twice before, long ago", "u9", 7, days_before=(15, 20)),
    case("at night, where it is not the custom", "u9", 7, "", "night night-unheard", at=TWO_AT_NIGHT),
    case("at night, where it is", "u9", 7, "", at=TWO_AT_NIGHT, place=OTHER),
)  # fmt: skip
PEOPLE = (
    Demographics("Quillfeather", ("Ada",), None, None, "ZZ1 1AA"),
    Demographics("Íñigo-Thorne", ("Bo",), None, None, "zz1 2bb"),
    Demographics("Else", ("Cy",), None, None, "ZZ1 2BB"),
    Demographics("Common", ("Di",), None, None, "ZZ1 9ZZ"),
    *(Demographics(f"Person{n}", ("Ed",), None, None, "ZZ1 8ZZ") for n in range(4, 9)),
)
STAFF = """user,nhs_number,surname,postcode,organisation
issuer|u0,{0},Quillfeather,ZZ1 1AA,ZZH01
u1,,Inigo Thorne,ZZ12BB,ZZH01
u3,,Common,,
u4,{4},Common,,ZZH01
u5,{5},Common,,ZZH02
"""


TODAY = clock_of(NOON).day


@pytest.fixture
def people(database: Database, keys: KeyRing) -> list[str]:
    """The opaque keys of the people, with both lists, and peers: those at OTHER look at night."""
    told = STAFF.format(*(nhs_number(n).value for n in range(9))).encode()
    lists = Importing(database, keys, lambda: NOON)
    asyncio.run(lists.staff(told, OFFICER))
    asyncio.run(lists.vips(f"nhs_number\n{nhs_number(6).spaced}\n".encode(), OFFICER))

    def fill(connection: Connection) -> list[str]:
        found = [
            register(connection, keys, nhs_number(n), one, NOON - 900 * DAY).key
            for n, one in enumerate(PEOPLE)
        ]
        linked = PERSON.c.key.in_((found[0], found[8]))
        connection.execute(update(PERSON).where(linked).values(view=found[0]))
        peers = [
            {
                "day": TODAY - 1,
                "actor": f"peer{n}",
                "role": ROLE,
                "organisation": place,
                "people": 20,
                "night": night,
            }
            for n in range(6)
            for place, night in ((PLACE, 0), (OTHER, 15))
        ]
        connection.execute(insert(MISUSE_DAY), peers)
        return found

    return database.write_now(fill)


def test_every_case_of_the_table(database: Database, keys: KeyRing, people: list[str]) -> None:
    """What is seen at once, and what is seen when the day is over."""
    for one in CASES:
        at_once, over = database.write_now(lambda c, one=one: _signals(c, keys, one, people[one.person]))  # type: ignore[misc]
        assert (one.what, at_once) == (one.what, one.at_once)
        assert (one.what, over) == (one.what, one.at_once | one.over)


def _signals(
    connection: Connection, keys: KeyRing, case: Case, person: str
) -> tuple[frozenset[str], frozenset[str]]:
    """The signals of a case, alone in the tables."""
    for table in (MISUSE_VISIT, RELATIONSHIP):
        connection.execute(delete(table))
    if case.tie is not None:
        days, kind = case.tie
        told = {"kind": kind, "since": case.at - days * DAY + HOUR, "seen": case.at - days * DAY + HOUR}
        row = {"person": person, "organisation": case.place, "source": case.place}
        connection.execute(insert(RELATIONSHIP), {**row, **told})
    rows = [_row(case, person, case.at - days * DAY) for days in (0, *case.days_before)]
    if case.others:
        rows.append(replace(_row(case, person, case.at), actor="somebody else", outcome="success"))
    for one in rows:
        append(connection, one)
    _, changed = gather(connection, 1000)
    for day in changed:
        count(connection, day, RULES.night.hours)
    [visit] = [
        one
        for day in changed
        if day.actor == case.user
        for one in of_day(connection, day)
        if one.day == TODAY
    ]
    seeing = Seeing(connection, keys, RULES, POLICY.ties, Memory(read_lists(connection), Hashes(keys)))
    return frozenset(seeing.of_visit(visit, settled=False)), frozenset(seeing.of_visit(visit, settled=True))


def _row(case: Case, person: str, at: int) -> AuditRow:
    return AuditRow(
        at=at,
        actor=case.user,
        action="read",
        what="Patient",
        outcome="refused" if case.refused else "success",
        code=case.code if case.refused else "permitted",
        person=person,
        role=ROLE,
        organisation=case.place,
        details=case.details,
    )


def test_whoever_was_erased_raises_nothing(database: Database, keys: KeyRing, people: list[str]) -> None:
    """Their key is in the audit, and in nothing else: the run goes on."""
    database.write_now(lambda c: append(c, _row(CASES[2], people[0], NOON)))
    database.write_now(lambda c: c.execute(delete(PERSON).where(PERSON.c.key == people[0])).close())
    done = MisuseWatch(database, keys, POLICY, lambda: NOON + 2 * DAY).run()
    assert (done.visits, done.findings) == (1, 0)


async def test_a_new_list_is_held_against_the_looks_of_some_days_before(
    database: Database, keys: KeyRing
) -> None:
    """Those of a week are judged again, though their day is over; older ones are not."""

    def fill(connection: Connection) -> None:
        key = register(connection, keys, nhs_number(0), Demographics(), NOON - 900 * DAY).key
        for days in (1, 6, 9):
            append(connection, _row(CASES[0], key, NOON - days * DAY))

    database.write_now(fill)
    watch = MisuseWatch(database, keys, POLICY, lambda: NOON)
    watch.run()
    assert not watch.is_due()
    told = f"user,nhs_number\nu9,{nhs_number(0).value}\n".encode()
    await Importing(database, keys, lambda: NOON).staff(told, OFFICER)
    assert watch.is_due()
    watch.run()
    found = database.read_now(lambda c: listed(c, keys, tuple(Status), 9))
    own = [one.user_day.day for one in found if "own-record" in one.seen.signals]
    assert own == [TODAY - 6, TODAY - 1]


def test_what_is_no_look_of_staff_is_no_visit(database: Database) -> None:
    """A citizen's, a system's, a write, a failure, a refusal for another reason, and a look at nobody."""
    look = _row(CASES[0], "a-key", NOON)
    others = [
        replace(look, role=""),
        replace(look, organisation=""),
        replace(look, actor=""),
        replace(look, action="create"),
        replace(look, outcome="failed"),
        replace(look, outcome="refused", code="purpose"),
        replace(look, person=None),
        replace(look, person=None, outcome="refused", code="not-found"),
    ]
    for one in others:
        database.write_now(lambda c, one=one: append(c, one))  # type: ignore[misc]
    assert database.write_now(lambda c: gather(c, 5)) == (5, frozenset())
    assert database.write_now(lambda c: gather(c, 5)) == (3, frozenset())
    database.write_now(lambda c: append(c, look))
    expected = frozenset({UserDay(TODAY, "u9", ROLE, PLACE)})
    assert database.write_now(lambda c: gather(c, 5)) == (1, expected)


def test_a_busy_day_of_all_is_no_volume_of_one(database: Database, keys: KeyRing) -> None:
    """Of those who looked at many more people than on other days, one is found: the colleagues did not."""
    many = {(PLACE, "u0"): 70, **{(OTHER, f"u{n}"): 70 for n in range(6)}}

    def fill(connection: Connection) -> None:
        rows = []
        for place, user, day in product((PLACE, OTHER), (f"u{n}" for n in range(6)), (TODAY - 1, TODAY)):
            people = many.get((place, user), 20) if day == TODAY else 20
            rows += [_visit(UserDay(day, user, ROLE, place), f"p{n}") for n in range(people)]
        connection.execute(insert(MISUSE_VISIT), [asdict(one) for one in rows])
        for one in dict.fromkeys(row.user_day for row in rows):
            count(connection, one, RULES.night.hours)

    database.write_now(fill)
    MisuseWatch(database, keys, POLICY, lambda: NOON).run()
    assert not database.read_now(lambda c: listed(c, keys, tuple(Status), 9))
    MisuseWatch(database, keys, POLICY, lambda: NOON + DAY).run()
    [found] = database.read_now(lambda c: listed(c, keys, tuple(Status), 9))
    assert (found.rule, found.user_day) == ("volume", UserDay(TODAY, "u0", ROLE, PLACE))
    assert found.seen.signals == {"volume": {"people": 70, "usual": 20, "users": 5}}
    assert "70 people on that day" in evidence(found)[0]


def _visit(one: UserDay, person: str) -> Visit:
    return Visit(
        one.day, one.actor, one.role, one.organisation, person, "", "row", NOON, NOON, 1, 0, 1 << 12, 0
    )


def test_there_are_words_for_every_signal() -> None:
    """And for nothing that is none."""
    assert SIGNALS == OF_VISIT | OF_DAY
