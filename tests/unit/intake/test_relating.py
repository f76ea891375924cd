"""Which relationships a unit makes and ends: visits, referrals, and what a provider declares."""

from __future__ import annotations

import orjson
import pytest
from sqlalchemy import Connection
from tests.unit.store.samples import nhs_number

from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry, pack
from scr.fhir.identifiers import ODS_SYSTEM, OdsCode
from scr.identity import index
from scr.intake.relating import relate
from scr.mapping.run import Claim
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person

NOW = 1_772_020_800_000
HERE, THERE, HOME, OTHER_HOME = (OdsCode(code) for code in ("ZZH01", "ZZH02", "ZZC01", "ZZC02"))


@pytest.fixture
def person(database: Database, keys: KeyRing) -> Person:
    """Somebody who is known."""
    return database.write_now(lambda conn: index.register(conn, keys, nhs_number(0), Demographics(), NOW))


def told(
    database: Database,
    person: Person,
    *entries: Entry,
    at: int = NOW,
    by: OdsCode = HERE,
    **declared: OdsCode,
) -> set[tuple[str, str, int | None]]:
    """What is known after a unit: organisation, kind and end of each relationship."""
    lists = tuple((kind.replace("_", "-"), organisation) for kind, organisation in declared.items())
    stated = Claim(None, "", Demographics(), relationships=lists)

    def file(conn: Connection) -> set[tuple[str, str, int | None]]:
        relate(conn, person, by, stated, entries, at)
        return {(r.organisation.value, r.kind, r.until) for r in index.relationships(conn, person)}

    return database.write_now(file)


def visit(number: str, status: str, **period: str) -> Entry:
    """A visit to the sender."""
    resource = {"resourceType": "Encounter", "id": number, "status": status, "period": period}
    return pack(resource, source=HERE.value, now=NOW)


def referral(status: str) -> Entry:
    """A referral to the other hospital."""
    performer = [{"identifier": {"system": ODS_SYSTEM, "value": THERE.value}}]
    resource = {"resourceType": "ServiceRequest", "id": "r", "status": status, "performer": performer}
    return pack(orjson.loads(orjson.dumps(resource)), source=HERE.value, now=NOW)


def test_a_visit_lasts_until_the_last_open_one_is_over(database: Database, person: Person) -> None:
    """While one of a unit's visits is open it has no end; then it has the last one's."""
    over, open_ = visit("v1", "finished", start="2026-01-01", end="2026-01-02"), visit("v2", "in-progress")
    assert ("ZZH01", "encounter", None) in told(database, person, over, open_)
    later = visit("v2", "finished", start="2026-01-01", end="2026-02-01")
    assert later.when is not None
    assert told(database, person, over, later) == {
        ("ZZH01", "care", None),
        ("ZZH01", "encounter", later.when[1]),
    }
    assert ("ZZH01", "encounter", later.when[1]) in told(database, person, over)
    assert ("ZZH01", "encounter", None) in told(database, person, visit("v3", "arrived"))


def test_a_referral_relates_whom_it_is_for(database: Database, person: Person) -> None:
    """Until it is completed, or called off; one that was called off at once relates nobody."""
    assert told(database, person, referral("revoked")) == {("ZZH01", "care", None)}
    assert ("ZZH02", "referral", None) in told(database, person, referral("active"))
    assert ("ZZH02", "referral", NOW + 5) in told(database, person, referral("revoked"), at=NOW + 5)
    assert ("ZZH02", "referral", None) in told(database, person, referral("active"), at=NOW + 6)
    assert ("ZZH02", "referral", NOW) in told(database, person, referral("completed"), at=NOW + 7)


def test_what_a_provider_declares(database: Database, person: Person) -> None:
    """A home of a list is the one home; a care team may have several; another kind of word is none."""
    assert ("ZZC01", "placement", None) in told(database, person, placement=HOME)
    moved = told(database, person, placement=OTHER_HOME, at=NOW + 1)
    assert {("ZZC01", "placement", NOW + 1), ("ZZC02", "placement", None)} <= moved
    both = told(database, person, care_team=HOME) | told(database, person, care_team=OTHER_HOME)
    assert {("ZZC01", "care-team", None), ("ZZC02", "care-team", None)} <= both
    before = told(database, person)
    assert told(database, person, neighbour=THERE) == before
