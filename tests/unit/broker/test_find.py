"""Whoever is found in one statement is known as whoever is read part by part: decided on alike."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection
from tests.support import consents
from tests.unit.broker.sources import CLINICIAN
from tests.unit.store.samples import NOW, filed, nhs_number, note, person

from scr.broker.find import Finder
from scr.broker.known import Known
from scr.consent.actor import Actor
from scr.fhir.identifiers import OdsCode
from scr.fhir.standing import Standing
from scr.identity import index, links
from scr.store import claims, sharing
from scr.store.claims import Claim, ClaimKind
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.onboarding import Event, EventKind, Stage, append_event
from scr.store.people import Person

HOSPITAL, COUNCIL, UNKNOWN = OdsCode("ZZH01"), OdsCode("ZZC01"), OdsCode("ZZX01")
HERE = replace(CLINICIAN, role="R8000", organisation=HOSPITAL)
ELSEWHERE = replace(HERE, organisation=COUNCIL)
HOUR = 3_600_000


def _full(conn: Connection, keys: KeyRing, someone: Person) -> None:
    """Ties of a live provider and of another, an objection, a claim of each role, and a rule."""
    for told in (HOSPITAL, UNKNOWN):
        index.relate(conn, someone, told, "care", told, NOW)
        index.relate(conn, someone, told, "registration", told, NOW)
    index.relate(conn, someone, COUNCIL, "objection", UNKNOWN, NOW)
    for here in (HERE, ELSEWHERE):
        assert here.role is not None
        assert here.organisation is not None
        drafted = Claim(
            "", "", ClaimKind.RELATIONSHIP, here.subject, "Ada Finch", here.role, "", here.organisation, "",
            "TREAT", NOW, NOW + HOUR,
        )  # fmt: skip
        claims.add(conn, someone, drafted, "why")
    deny = {"type": "deny", "actor": [consents.asker("ZZC01")]}
    sharing.create(conn, keys, someone, consents.consent(deny), NOW)


async def test_in_one_statement_and_part_by_part_the_same_is_known(database: Database, keys: KeyRing) -> None:
    """Of one who has a former number all is read again, and it is the same; of two who are linked it is that
    of both. What another provider told, and what another role claimed, is there for nobody."""
    finder = Finder(database, keys, {HOSPITAL.value: "trust"}, lambda: NOW)
    someone, other = person(database, keys), person(database, keys, 1)
    filed(database, keys, someone, [note("held")])
    live = Event(HOSPITAL, NOW, EventKind.PASSED, Stage.LIVE, Stage.LIVE, "Ann")
    database.write_now(lambda conn: append_event(conn, live))
    database.write_now(lambda conn: _full(conn, keys, someone))

    async def known(actor: Actor = HERE) -> Known:
        found = await finder.by_id(someone.patient_id, actor)
        assert found is not None
        return found

    once, elsewhere = await known(), await known(ELSEWHERE)
    assert once.seen is not None
    assert (once.registered, once.objections) == (frozenset({HOSPITAL}), frozenset({COUNCIL}))
    assert [tie.source for tie in once.ties] == [HOSPITAL, HOSPITAL, HOSPITAL]
    assert [[claim.organisation for claim in each.claims] for each in (once, elsewhere)] == [
        [HOSPITAL],
        [COUNCIL],
    ]
    assert (len(once.rules), once.linked, once.links) == (1, (), ())
    told = Standing(former=(nhs_number(7).value,))
    database.write_now(lambda conn: index.learn_standing(conn, keys, someone, told))
    apart = await known()
    assert apart.seen is None
    assert replace(apart, seen=once.seen, person=once.person) == once

    def join(conn: Connection) -> None:
        links.link(conn, keys, other, someone, kind="reviewed", reasons=["x"], evidence={}, by="Ann", now=NOW)

    database.write_now(join)
    both = await known()
    assert ([each.key for each in both.linked], both.ties, both.rules) == ([other.key], once.ties, once.rules)
    located = await finder.by_resource("Observation", "held", HERE)
    assert located is not None
    assert located[1] == both
    assert await finder.by_resource("Observation", "never", HERE) is None
