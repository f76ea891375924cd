"""What a link keeps, what refuses one, and what an erasure leaves of it."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select
from tests.unit.store.samples import NOW, filed, nhs_number, note, person

from scr.errors import Conflict, Fault, Forbidden, NotFound, ScrError, Unprocessable
from scr.fhir.identifiers import OdsCode
from scr.identity import bars, index, links, merges
from scr.store import links as kept
from scr.store.engine import Database
from scr.store.filed_under import belongs, joined, marks_of
from scr.store.filing import file_entries
from scr.store.keys import KeyRing
from scr.store.links import LinkId
from scr.store.people import Person, erase_person, person_by_key
from scr.store.records import load_record
from scr.store.tables import LINK, LINK_BAR
from scr.store.trail import recent

HOSPITAL = OdsCode("ZZH01")
MRN = "urn:example:mrn"
SECRET = "both came with one passport"


def fresh(conn: Connection, keys: KeyRing, someone: Person) -> Person:
    """As they are now."""
    found = person_by_key(conn, keys, someone.key)
    assert found is not None
    return found


def link(database: Database, keys: KeyRing, former: Person, retained: Person, at: int = NOW) -> LinkId:
    """A reviewer's link."""
    return database.write_now(
        lambda c: links.link(
            c, keys, fresh(c, keys, former), fresh(c, keys, retained),
            kind="reviewed", reasons=["seen"], evidence={"note": SECRET}, by="tests", now=at,
        )
    )  # fmt: skip


def view(database: Database, keys: KeyRing, someone: Person) -> list[str]:
    """Who is read as one with somebody, the retained first."""
    return database.read_now(lambda c: [p.key for p in links.view_of(c, keys, fresh(c, keys, someone))])


def test_links_make_one_view_whoever_is_asked_for(database: Database, keys: KeyRing) -> None:
    """Through others too; the one retained is first; undoing the middle one leaves the ends apart."""
    one, two, three = (person(database, keys, n) for n in range(3))
    first = link(database, keys, one, two)
    link(database, keys, two, three)
    views = [view(database, keys, each) for each in (one, two, three)]
    assert {found[0] for found in views} == {three.key}
    assert all(set(found) == {one.key, two.key, three.key} for found in views)
    assert link(database, keys, one, two) == first
    database.write_now(lambda c: links.unlink(c, keys, first, by="tests", reason="x", now=NOW + 1))
    assert view(database, keys, one) == [one.key]
    assert view(database, keys, three) == [three.key, two.key]
    with pytest.raises(Unprocessable) as again:
        database.write_now(lambda c: links.unlink(c, keys, first, by="tests", reason="x", now=NOW + 1))
    assert again.value.code == "already-undone"


def test_what_cannot_be_linked(database: Database, keys: KeyRing) -> None:
    """A circle, oneself, somebody who gave way to another already, more than one human being could be."""
    people = [person(database, keys, n) for n in range(links.MOST + 1)]
    one, two, three = people[:3]
    link(database, keys, one, two)
    for former, retained, code in (
        (two, one, "would-cycle"),
        (one, three, "linked-elsewhere"),
        (three, three, "would-cycle"),
    ):
        with pytest.raises(Unprocessable) as refused:
            link(database, keys, former, retained)
        assert refused.value.code == code
    for other in people[2:-1]:
        link(database, keys, other, two)
    with pytest.raises(Unprocessable) as refused:
        link(database, keys, people[-1], two)
    assert refused.value.code == "too-many-linked"


def test_evidence_is_sealed_and_goes_with_either(database: Database, keys: KeyRing) -> None:
    """It stands nowhere in the clear; once one of the two is erased there is no link any more."""
    one, two, three = (person(database, keys, n) for n in range(3))
    made = link(database, keys, one, two)
    link(database, keys, two, three)
    grounds = database.read_now(lambda c: kept.grounds_of(c, keys, kept.read(c, made)))
    assert (grounds.reasons, grounds.evidence) == (("seen",), {"note": SECRET})
    rows = database.read_now(lambda c: str(c.execute(select(LINK)).all()))
    assert SECRET not in rows
    database.write_now(lambda c: erase_person(c, keys, fresh(c, keys, two)))
    with pytest.raises(NotFound):
        database.read_now(lambda c: kept.read(c, made))
    assert [view(database, keys, each) for each in (one, three)] == [[one.key], [three.key]]


def test_erasing_a_human_being_erases_every_row(database: Database, keys: KeyRing) -> None:
    """Of whichever number is named."""
    one, two = (person(database, keys, n) for n in range(2))
    link(database, keys, one, two)
    assert database.write_now(lambda c: links.erase(c, keys, fresh(c, keys, one))) == 2
    assert database.read_now(lambda c: [person_by_key(c, keys, each.key) for each in (one, two)]) == [
        None,
        None,
    ]


def test_each_of_the_two_has_the_link_in_its_audit(database: Database, keys: KeyRing) -> None:
    """Made and undone: who, and why."""
    one, two = (person(database, keys, n) for n in range(2))
    made = link(database, keys, one, two)
    database.write_now(lambda c: links.unlink(c, keys, made, by="somebody", reason="a twin", now=NOW + 5))
    for someone in (one, two):
        told = database.read_now(lambda c, p=someone: recent(c, person=p.key))  # type: ignore[misc]
        assert [(row.action, row.actor, row.details["why"]) for row in told] == [
            ("D", "somebody", "a twin"),
            ("C", "tests", "seen"),
        ]


@pytest.mark.parametrize("alone", [False, True])
def test_a_bar_tells_nobody(database: Database, keys: KeyRing, alone: bool) -> None:
    """No number, person or token is in its row; what it stands against is refused; it can be lifted."""
    one, two = (person(database, keys, n) for n in range(2))
    numbers = [nhs_number(0)] if alone else [nhs_number(1), nhs_number(0)]
    made, undone = database.write_now(
        lambda c: links.bar(c, keys, numbers, reason="adoption order", by="officer", now=NOW)
    )
    assert undone == []
    row = str(database.read_now(lambda c: c.execute(select(LINK_BAR)).one()))
    for secret in (one.key, two.key, nhs_number(0).value, nhs_number(1).value, "adoption", "officer"):
        assert secret not in row
    for number in numbers:
        assert index.token_of(keys, number) not in row
    [listed] = database.read_now(lambda c: bars.bars(c, keys))
    assert (listed.id, listed.by, listed.reason, listed.single) == (made, "officer", "adoption order", alone)
    with pytest.raises(Forbidden) as refused:
        link(database, keys, one, two)
    assert refused.value.code == "barred"
    with pytest.raises(NotFound):
        database.write_now(lambda c: bars.lift(c, keys, [nhs_number(7)], reason="x", by="officer", now=NOW))
    database.write_now(lambda c: bars.lift(c, keys, numbers, reason="mistake", by="officer", now=NOW + 1))
    link(database, keys, one, two)
    told = database.read_now(lambda c: recent(c))
    assert [(row.action, row.person) for row in told if row.what == "identity bar"] == [
        ("D", None),
        ("C", None),
    ]


def test_a_bar_reaches_through_others(database: Database, keys: KeyRing) -> None:
    """Two that are barred do not meet by way of a third, linked or merged; nor does a bar come too late."""
    one, two, three = (person(database, keys, n) for n in range(3))
    pair = [nhs_number(0), nhs_number(2)]
    link(database, keys, one, two)
    second = link(database, keys, two, three, NOW + 1)
    _, undone = database.write_now(lambda c: links.bar(c, keys, pair, reason="x", by="y", now=NOW + 2))
    assert [each.link.id for each in undone] == [second]
    with pytest.raises(Forbidden):
        link(database, keys, two, three)
    with pytest.raises(Forbidden):
        database.write_now(lambda c: move(c, keys, three, two))
    assert database.read_now(lambda c: bars.is_barred(c, keys, [nhs_number(0)], [nhs_number(2)]))
    assert not database.read_now(lambda c: bars.is_barred(c, keys, [nhs_number(0)], [nhs_number(1)]))


def test_a_bar_takes_a_former_number_off_a_row_that_has_both(database: Database, keys: KeyRing) -> None:
    """Whoever asks by it finds nobody, as by a number that was never there."""
    one = person(database, keys, 0)
    former = nhs_number(1)
    database.write_now(lambda c: index.learn_former(c, keys, one, former))
    database.write_now(lambda c: links.bar(c, keys, [former, nhs_number(0)], reason="x", by="y", now=NOW))
    assert database.read_now(lambda c: index.find(c, keys, former)) is None
    left = database.read_now(lambda c: index.find(c, keys, nhs_number(0)))
    assert left is not None
    assert left.key == one.key


def move(conn: Connection, keys: KeyRing, former: Person, retained: Person) -> LinkId:
    """The hospital merges what it filed for the former under M-1."""
    index.learn_local(conn, keys, former, merges.local_system(HOSPITAL, MRN), "M-1")
    return merges.move(
        conn, keys, fresh(conn, keys, former), fresh(conn, keys, retained), HOSPITAL, [(MRN, "M-1")],
        [(MRN, "M-2")], reasons=["x"], evidence={}, by="tests", now=NOW + 9,
    )  # fmt: skip


def test_a_move_takes_what_came_under_the_identifier_and_no_more(database: Database, keys: KeyRing) -> None:
    """Not what came under another, or under both, or from another provider, or before it was noted."""
    one, two = (person(database, keys, n) for n in range(2))
    under = {name: marks_of(keys, HOSPITAL, [(MRN, name)]) for name in ("M-1", "M-9")}
    both = joined(under["M-1"], under["M-9"])
    system = marks_of(keys, HOSPITAL, [(MRN, "M-1"), ("urn:example:other", "K")])

    def file(conn: Connection) -> None:
        for name, marks, source in (
            ("mine", under["M-1"], "ZZH01"),
            ("mine-too", system, "ZZH01"),
            ("another", under["M-9"], "ZZH01"),
            ("of-both", both, "ZZH01"),
            ("elsewhere", under["M-1"], "A81001"),
            ("before", b"", "ZZH01"),
        ):
            file_entries(conn, keys, one, [note(name, source=source)], NOW, marks)

    database.write_now(file)
    made = database.write_now(lambda c: move(c, keys, one, two))
    there = database.read_now(lambda c: {e.id: e for e in load_record(c, keys, two)})
    assert there.keys() == {"mine", "mine-too"}
    assert database.read_now(lambda c: kept.moved_by(c, made)) == {"mine": 1, "mine-too": 1}
    # What is sent again as it was is there already; under the former number it is another person's.
    assert filed(database, keys, two, [note("mine", source="ZZH01")]).unchanged == 1
    with pytest.raises(Conflict):
        filed(database, keys, one, [note("mine", source="ZZH01")])
    undone = database.write_now(lambda c: links.unlink(c, keys, made, by="t", reason="x", now=NOW + 10))
    assert (undone.moved, undone.left) == (2, 0)
    assert database.read_now(lambda c: load_record(c, keys, two)) == []


def test_marks_tell_identifiers_apart_by_system(keys: KeyRing) -> None:
    """What names another identifier of the same system is not of the one; of another system it may be."""
    one, other = (marks_of(keys, HOSPITAL, [(MRN, name)]) for name in ("M-1", "M-2"))
    beside = marks_of(keys, HOSPITAL, [(MRN, "M-1"), ("urn:example:other", "M-2")])
    assert belongs(one, one)
    assert belongs(beside, one)
    assert not belongs(other, one)
    assert not belongs(joined(one, other), one)
    assert not belongs(b"", one)
    assert marks_of(keys, OdsCode("A81001"), [(MRN, "M-1")]) != one


def test_a_stolen_link_opens_with_neither_alone(database: Database, keys: KeyRing) -> None:
    """Its grounds sealed for one pair cannot be read as another's."""
    one, two, three = (person(database, keys, n) for n in range(3))
    made = link(database, keys, one, two)

    def as_another(conn: Connection) -> None:
        conn.execute(LINK.update().where(LINK.c.id == made).values(former=three.key))
        kept.grounds_of(conn, keys, kept.read(conn, made))

    with pytest.raises(ScrError) as refused:
        database.write_now(as_another)
    assert isinstance(refused.value, Fault)
