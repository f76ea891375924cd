"""What a look begins with is what its parts are by themselves, of one person and of nobody else."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection
from tests.support import consents as c
from tests.unit.store.samples import NOW, filed, nhs_number, note, person

from scr.fhir.identifiers import OdsCode
from scr.identity import index
from scr.store import claims, messages, quarantine, sharing
from scr.store.beginning import BY_KEY, BY_PATIENT_ID, BY_TOKEN, Beginning, begin, begin_by_resource
from scr.store.claims import Claim, ClaimKind
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.locator import remember_served
from scr.store.messages import Wait
from scr.store.onboarding import Event, EventKind, Stage, append_event
from scr.store.people import Person

HOSPITAL, COUNCIL, PRACTICE = OdsCode("ZZH01"), OdsCode("ZZC01"), OdsCode("Z99001")
SUBJECT = "issuer|somebody"
HOUR = 3_600_000


def _known(database: Database, keys: KeyRing, serial: int) -> Person:
    """Somebody of whom there is everything: ties, claims of two users, rules, parts that are held back."""
    someone = person(database, keys, serial)
    token = index.token_of(keys, nhs_number(serial))
    filed(database, keys, someone, [note(f"held{serial}")])

    def work(conn: Connection) -> None:
        index.relate(conn, someone, HOSPITAL, "encounter", HOSPITAL, NOW, NOW + serial)
        index.relate(conn, someone, COUNCIL, "care", COUNCIL, NOW)
        index.relate(conn, someone, PRACTICE, "objection", COUNCIL, NOW)
        for subject, since in ((SUBJECT, NOW), (SUBJECT, NOW - 9 * HOUR), ("issuer|other", NOW)):
            drafted = Claim(
                "", "", ClaimKind.GLASS, subject, "Ada Finch", "R8000", "Clinician", HOSPITAL, "Hospital",
                "BTG", since, since + HOUR,
            )  # fmt: skip
            claims.add(conn, someone, drafted, "why")
        sharing.create(conn, keys, someone, c.consent({"type": "deny", "actor": [c.asker("ZZH01")]}), NOW)
        for provider, code in ((HOSPITAL, "doubt"), (PRACTICE, "settled")):
            kept = messages.keep(conn, keys, provider, "f", f"{provider}{serial}".encode(), NOW)
            item = quarantine.quarantine(
                conn, keys, kept.id, "r4", "1", code, "?", b"part", NOW, claimed=token
            )
            if code == "settled":
                quarantine.settle(conn, item, quarantine.QuarantineState.DISMISSED)
        waits = messages.keep(conn, keys, COUNCIL, "f", f"waits{serial}".encode(), NOW)
        messages.wait(conn, waits.id, Wait(1, 0, NOW), [token])
        remember_served(conn, someone, [note(f"live{serial}", source="RXX01")])

    database.write_now(work)
    return someone


def _by_itself(database: Database, keys: KeyRing, someone: Person) -> tuple[object, ...]:
    token = index.token_of(keys, someone.nhs_number)

    def each(conn: Connection) -> tuple[object, ...]:
        return (
            index.relationships(conn, someone),
            set(claims.of_actor(conn, someone.key, SUBJECT, NOW)),
            sharing.rules_for(conn, [someone]),
            quarantine.holding_back(conn, token),
        )

    return database.read_now(each)


def _of(begun: Beginning) -> tuple[object, ...]:
    ties = tuple(
        index.Relationship(OdsCode(organisation), kind, OdsCode(source), since, until, seen)
        for organisation, kind, source, since, seen, until in begun.ties
    )
    return ties, set(begun.claims), begun.rules, begun.back


async def test_it_is_what_its_parts_are_by_themselves(database: Database, keys: KeyRing) -> None:
    """By number, by key, by the Patient's id and by a resource, held or served: each part is this person's,
    as whoever asks for it alone is told; again and again, by whichever way the store answers."""
    people = [_known(database, keys, serial) for serial in (1, 2)]
    for someone in people:
        apart = _by_itself(database, keys, someone)
        assert all(apart)
        serial = people.index(someone) + 1
        for _ in range(6):
            found = await asyncio.gather(
                begin(database, keys, BY_TOKEN, index.token_of(keys, someone.nhs_number), SUBJECT, NOW),
                begin(database, keys, BY_KEY, someone.key, SUBJECT, NOW),
                begin(database, keys, BY_PATIENT_ID, someone.patient_id, SUBJECT, NOW),
                begin_by_resource(database, keys, "Observation", f"held{serial}", SUBJECT, NOW),
                begin_by_resource(database, keys, "Observation", f"live{serial}", SUBJECT, NOW),
            )
            assert [_of(begun) for begun in found] == [apart] * 5
            assert {begun.person.key for begun in found if begun.person} == {someone.key}
            assert {begun.person.revision for begun in found if begun.person} == {found[1].person.revision}  # type: ignore[union-attr]
            assert [begun.located and begun.located.held for begun in found[-2:]] == [True, False]
            assert [begun.located and begun.located.head is not None for begun in found[-2:]] == [False, True]


async def test_of_nobody_there_is_nothing_but_the_register(database: Database, keys: KeyRing) -> None:
    """A number, an id and a resource that nobody has; and the number of the register's last event."""
    _known(database, keys, 1)
    told = Event(HOSPITAL, NOW, EventKind.PASSED, Stage.LIVE, Stage.LIVE, "Ann")
    last = database.write_now(lambda conn: append_event(conn, told))
    for by in (BY_TOKEN, BY_KEY, BY_PATIENT_ID):
        assert await begin(database, keys, by, "nobody's", SUBJECT, NOW) == Beginning(None, last)
    for kind, logical in (("Condition", "held1"), ("Observation", "never")):
        found = await begin_by_resource(database, keys, kind, logical, SUBJECT, NOW)
        assert found == Beginning(None, last)
