"""The lists as files, and the worklist: a mistake is told by its line, and who decides is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table
from tests.unit.store.samples import NOW, nhs_number
from tests.unit.store.samples import person as registered

from scr.consent.misuse import Raised
from scr.errors import Conflict, Forbidden, Invalid, NotFound
from scr.identity.misuse.hashes import Hashes, users_of
from scr.identity.misuse.imports import Importing, read_staff, read_vips
from scr.identity.misuse.told import evidence
from scr.identity.misuse.worklist import Worklist
from scr.identity.oversight import Watcher
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.misuse import findings
from scr.store.misuse.findings import Draft, Finding, Seen, Status
from scr.store.misuse.lists import StaffEntry, VipEntry, counts, read_lists, staff_entry, vips
from scr.store.misuse.visits import UserDay
from scr.store.tables import MISUSE_FINDING, MISUSE_STAFF, MISUSE_VIP
from scr.store.trail import recent

OFFICER = Watcher("Tamsin Arkwright", "issuer|9")
NUMBER = nhs_number(0).value
LOOKER = UserDay(20_000, "issuer|1", "R8000", "ZZH01")
STAFF_MISTAKES = [
    (b"", "line 1: the first line names the columns"),
    (b"nhs_number\n", "line 1: the first line names the columns"),
    (b"user,user\n", "line 1: the first line names the columns"),
    (b"user,salary\n", "line 1: the first line names the columns"),
    (b"user,surname\nu1\n", "line 2: it has not as many cells"),
    (b"user,surname\n ,Else\n", "line 2: user is empty"),
    (b"user,organisation\n\nu1,ZZH01\n", "line 3: nothing is told of the user"),
    (b"user,nhs_number\nu1,9990000001\n", "line 2: nhs_number: ten digits"),
    (b"user,surname,organisation\nu1,Else,?\n", "line 2: organisation: an ODS code"),
    (b"user,surname\nu1,Else\nu1,Else\n", "line 3: the user stands in the list already"),
    (f"user,nhs_number\nu1,{NUMBER}\nu2,{NUMBER}\n".encode(), "line 3: the NHS Number is another user's"),
    (b'user,surname\nu1,"Else\n', "not CSV"),
    (b"user,surname\nu1,\xff\n", "not UTF-8"),
]


@pytest.mark.parametrize(("content", "message"), STAFF_MISTAKES)
def test_a_mistake_is_told_by_its_line(content: bytes, message: str) -> None:
    """Without what stands there."""
    line, _, what = message.rpartition("line ")[2].partition(": ")
    with pytest.raises(Invalid) as refused:
        read_staff(content)
    told = str(refused.value)
    assert (what or line) in told
    assert not what or f"line {line}" in told
    assert "Else" not in told
    assert NUMBER not in told


async def test_a_mistake_takes_in_nothing(database: Database, keys: KeyRing) -> None:
    """The list of before stays, and the audit has nothing of it."""
    lists = Importing(database, keys, lambda: NOW)
    await lists.staff(b"user,surname\nu7,Before\n", OFFICER)
    with pytest.raises(Invalid):
        await lists.staff(b"user,surname\nu1,Else\nu1,Else\n", OFFICER)
    assert database.read_now(counts) == (1, 0)
    assert len(database.read_now(recent)) == 1


def test_the_other_list_has_its_mistakes_too() -> None:
    """A number twice, none, and one that is none."""
    for content, message in (
        (f"nhs_number,why\n{NUMBER},x\n{NUMBER},y\n", "already"),
        ("nhs_number,why\n,x\n", "nhs_number is empty"),
        ("nhs_number\n123\n", "ten digits"),
    ):
        with pytest.raises(Invalid, match=message):
            read_vips(content.encode())


@given(
    st.lists(
        st.tuples(
            st.text("abc|.-", min_size=1, max_size=5), st.text("AÉ'’ -", min_size=1, max_size=6)
        ).filter(lambda one: bool(one[0].strip() and one[1].strip())),
        unique_by=lambda one: one[0],
        max_size=5,
    )
)
def test_what_is_written_is_read(rows: list[tuple[str, str]]) -> None:
    """Users and names as they stand, spaces around them apart; an empty line is none."""
    content = "\ufeffUser, Surname \n\n" + "".join(f'"{user}","{name}"\n' for user, name in rows)
    assert read_staff(content.encode()) == [StaffEntry(u, surname=n.strip()) for u, n in rows]


async def test_a_list_takes_the_place_of_the_one_before(database: Database, keys: KeyRing) -> None:
    """Opened it is what was put in; in the tables are keyed hashes; who put it in is in the audit."""
    lists = Importing(database, keys, lambda: NOW)
    with pytest.raises(Invalid, match="full name"):
        await lists.vips(b"nhs_number\n", Watcher(" "))
    await lists.staff(f"user,nhs_number,surname\nu1,{NUMBER},Else\nu2,,More\n".encode(), OFFICER)
    assert await lists.staff(f"user,nhs_number,postcode\nu3,{NUMBER},ZZ1 1AA\n".encode(), OFFICER) == 1
    assert await lists.vips(f"nhs_number,why\n{NUMBER},in the news\n".encode(), OFFICER) == 1
    hashes = Hashes(keys)
    entry = database.read_now(lambda c: staff_entry(c, keys, hashes.user("u3")))
    assert entry == StaffEntry("u3", NUMBER, "", "ZZ1 1AA", "")
    assert database.read_now(lambda c: staff_entry(c, keys, hashes.user("u1"))) is None
    assert database.read_now(lambda c: vips(c, keys)) == [VipEntry(NUMBER, "in the news")]
    read = database.read_now(read_lists)
    assert (len(read.staff), frozenset(read.by_number), len(read.vips)) == (1, read.vips, 1)
    stored = stored_in(database, MISUSE_STAFF) + stored_in(database, MISUSE_VIP)
    assert all(word not in stored for word in (NUMBER, "ZZ1 1AA", "news"))
    told = sorted((row.what, row.actor, row.details["entries"]) for row in database.read_now(recent))
    assert told == [
        ("misuse staff list", OFFICER.subject, 1),
        ("misuse staff list", OFFICER.subject, 2),
        ("misuse vip list", OFFICER.subject, 1),
    ]


def stored_in(database: Database, table: Table) -> str:
    """All that stands in a table."""
    return str(database.read_now(lambda connection: connection.execute(table.select()).all()))


def test_how_a_list_may_name_a_user() -> None:
    """As the audit does, or by the id alone."""
    assert users_of("https://a.example|b|u1") == ("https://a.example|b|u1", "u1")
    assert users_of("u1") == ("u1",)


def draft(person: str, *rules: str) -> Draft:
    """A finding of these rules."""
    seen = Seen(tuple(Raised(rule, 100) for rule in rules), {"vip": {}}, "rules-1")
    return Draft("token", person, LOOKER, "Ada Finch", NOW, "row", seen)


def found(database: Database, keys: KeyRing) -> Finding:
    """The one that there is."""
    [one] = database.read_now(lambda c: findings.listed(c, keys, tuple(Status), 9))
    return one


async def test_a_finding_is_decided_on_and_comes_back_for_what_is_new(
    database: Database, keys: KeyRing
) -> None:
    """Raised once; decided by another than whoever looked, by name and with a note, each time in the audit;
    it is new again where another rule is raised, and its decisions stay."""
    person = registered(database, keys)
    work = Worklist(database, keys, lambda: NOW)
    assert database.write_now(lambda c: findings.put(c, keys, draft(person.key, "vip"), NOW))
    assert not database.write_now(lambda c: findings.put(c, keys, draft(person.key, "vip"), NOW + 9))
    one = found(database, keys)
    for watcher, status, note, error in (
        (Watcher(" "), Status.MISUSE, "x", Invalid),
        (OFFICER, Status.MISUSE, " ", Invalid),
        (OFFICER, Status.NEW, "x", Invalid),
        (Watcher("Ada Finch", LOOKER.actor), Status.EXPLAINED, "It was me.", Forbidden),
    ):
        with pytest.raises(error):
            await work.decide(one.id, watcher, status, note)
    with pytest.raises(NotFound):
        await work.decide("x", OFFICER, Status.MISUSE, "x")
    assert database.read_now(recent) == []
    assert await work.count() == 1
    await work.decide(one.id, OFFICER, Status.EXPLAINED, "On the ward, by the rota.")
    assert (await work.waiting(), await work.count()) == ([], 0)
    with pytest.raises(Conflict):
        database.write_now(lambda c: findings.decide(c, keys, one, found(database, keys).notes[0]))
    shown = await work.show(one.id, OFFICER)
    assert shown.nhs_number == person.nhs_number
    assert evidence(shown.finding)
    told = {row.what: (row.person, row.details) for row in database.read_now(recent)}
    assert told == {
        "misuse show": (person.key, {"finding": one.id}),
        "misuse decide": (person.key, {"finding": one.id, "status": "explained"}),
    }
    database.write_now(lambda c: findings.put(c, keys, draft(person.key, "vip", "colleague"), NOW))
    again = found(database, keys)
    assert (again.status, again.id, len(again.notes)) == (Status.NEW, one.id, 1)
    assert "rota" not in stored_in(database, MISUSE_FINDING)
