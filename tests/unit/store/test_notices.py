"""Notices: once for each thing, sealed for one person, as they have chosen; of a labelled result none."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.store.samples import NOW, nhs_number

from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry, pack
from scr.store import notices
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.notices import Choice, NoticeKind
from scr.store.people import Person, add_person, erase_person
from scr.store.tables import ALERT, NOTICE

DAY = 24 * 3600 * 1000
SECRET = "Dr Imogen Farrant"


@pytest.fixture
def person(database: Database, keys: KeyRing) -> Person:
    """Somebody who is known."""
    return database.write_now(lambda conn: add_person(conn, keys, nhs_number(0), Demographics(), NOW))


def report(logical: str, issued: str, **more: Any) -> Entry:
    """A report of a day."""
    resource = {
        "resourceType": "DiagnosticReport", "id": logical, "status": "final", "issued": issued, "meta": {},
        **more,
    }  # fmt: skip
    return pack(resource, source="ZZL01", now=NOW)


def test_a_thing_is_told_once_sealed_and_gone_with_the_person(
    database: Database, keys: KeyRing, person: Person
) -> None:
    """However often it is told of; who it was stands nowhere in the clear; seen once it was seen."""

    def tell(kind: NoticeKind, about: str) -> bool:
        return database.write_now(
            lambda conn: notices.add(conn, person, kind, about, {"by": SECRET}, NOW, sends=True)
        )

    assert [tell(NoticeKind.GLASS, "a") for _ in range(3)] == [True, False, False]
    assert tell(NoticeKind.GLASS, "b")
    assert tell(NoticeKind.PROXY, "a")
    assert SECRET.encode() not in str(database.read_now(lambda c: list(c.execute(NOTICE.select())))).encode()
    found = database.read_now(lambda conn: notices.notices_of(conn, [person]))
    assert [one.details["by"] for one in found] == [SECRET] * 3
    ids = [one.id for one in found]
    assert database.read_now(lambda conn: notices.unseen(conn, [person])) == 3
    assert database.write_now(lambda conn: notices.seen(conn, [person], ids, NOW)) == 3
    assert database.write_now(lambda conn: notices.seen(conn, [person], ids, NOW + 1)) == 0
    other = database.write_now(lambda conn: add_person(conn, keys, nhs_number(1), Demographics(), NOW))
    assert database.write_now(lambda conn: notices.seen(conn, [other], ids, NOW)) == 0
    assert database.read_now(lambda conn: notices.notices_of(conn, [other])) == []
    assert database.read_now(lambda conn: list(conn.execute(ALERT.select()))) == []
    database.write_now(lambda conn: erase_person(conn, keys, person))
    assert database.read_now(lambda conn: list(conn.execute(NOTICE.select()))) == []


def test_a_message_goes_out_where_it_was_chosen_and_the_page_shows_what_was_chosen(
    database: Database, person: Person
) -> None:
    """The message has the id of the Patient and no more; nothing goes where nothing is sent at all."""
    wanted = {NoticeKind.PROXY: Choice(page=False, message=True), NoticeKind.GLASS: Choice(message=True)}
    database.write_now(lambda conn: notices.choose(conn, person, wanted))
    database.write_now(lambda conn: notices.choose(conn, person, wanted))
    assert database.read_now(lambda conn: notices.choices(conn, person)) == {
        **dict.fromkeys(NoticeKind, Choice()), **wanted,
    }  # fmt: skip
    for about, sends in (("a", False), ("b", True)):
        for kind in NoticeKind:

            def tell(conn: Any, kind: NoticeKind = kind, about: str = about, sends: bool = sends) -> bool:
                return notices.add(conn, person, kind, about, {"by": SECRET}, NOW, sends=sends)

            assert database.write_now(tell)
    shown = database.read_now(lambda conn: notices.notices_of(conn, [person]))
    assert {one.kind for one in shown} == set(NoticeKind) - {NoticeKind.PROXY}
    sent = database.read_now(lambda conn: list(conn.execute(ALERT.select())))
    assert [(row.kind, row.about) for row in sent] == [("notice", person.patient_id)] * 2
    assert SECRET not in str(sent)


def test_a_new_result_is_told_of_once_unless_it_is_old_unfinished_or_labelled(
    database: Database, person: Person
) -> None:
    """What has any label is for the record to show or not; a practice sends ten years of results."""
    restricted = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]}
    entries = [
        report("new", "2026-01-05"),
        report("old", "2025-11-01"),
        report("partial", "2026-01-05", status="preliminary"),
        report("private", "2026-01-05", meta=restricted),
        pack(
            {"resourceType": "Observation", "id": "o", "status": "final", "issued": "2026-01-05"},
            source="Z",
            now=0,
        ),
    ]
    begun = entries[0].when
    assert begun is not None
    for _ in range(2):
        database.write_now(lambda conn: notices.results(conn, person, entries, begun[0] + DAY))
    found = database.read_now(lambda conn: notices.notices_of(conn, [person]))
    assert [(one.kind, one.details["entry"]) for one in found] == [
        (NoticeKind.RESULT, "DiagnosticReport/new")
    ]
