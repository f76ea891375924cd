"""The rows of claims: sealed, one user's, counted while they are open, and gone with their person."""

from __future__ import annotations

import pytest
from tests.unit.store.samples import NOW, nhs_number

from scr.errors import NotFound
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import OdsCode
from scr.store import claims
from scr.store.claims import Claim, ClaimKind, Review, Verdict
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.people import Person, add_person, erase_person
from scr.store.tables import CLAIM

HOUR = 3600 * 1000
SECRET = "Found at the station, name unknown"


@pytest.fixture
def person(database: Database, keys: KeyRing) -> Person:
    """Somebody who is known."""
    return database.write_now(lambda conn: add_person(conn, keys, nhs_number(0), Demographics(), NOW))


def made(
    database: Database,
    person: Person,
    kind: ClaimKind = ClaimKind.GLASS,
    subject: str = "i|1",
    since: int = NOW,
) -> Claim:
    """A claim of an hour."""
    drafted = Claim(
        "", "", kind, subject, "Ada Finch", "R8000", "", OdsCode("ZZH01"), "", "BTG", since, since + HOUR
    )
    return database.write_now(lambda conn: claims.add(conn, person, drafted, SECRET))


def test_a_claim_is_kept_sealed_and_gone_with_its_person(
    database: Database, keys: KeyRing, person: Person
) -> None:
    """It is read as it was written; no reason or note stands in the clear; erased with the person."""
    claim = made(database, person)
    said = Review(NOW + 1, "Tamsin Arkwright", Verdict.FOLLOW_UP, "Rang the ward.")
    database.write_now(lambda conn: claims.review(conn, person, claim, said))
    [row] = database.read_now(lambda conn: list(conn.execute(CLAIM.select())))
    assert SECRET not in str(row)
    assert "Rang" not in str(row)
    assert database.read_now(lambda conn: claims.reason_of(conn, person, claim)) == SECRET
    assert database.read_now(lambda conn: claims.reviews_of(conn, person, claim)) == (said,)
    held = database.read_now(lambda conn: claims.read(conn, claim.id))
    assert (held.verdict, held.reviewed_by, held.kind) == ("follow-up", said.by, ClaimKind.GLASS)
    database.write_now(lambda conn: erase_person(conn, keys, person))
    with pytest.raises(NotFound):
        database.read_now(lambda conn: claims.read(conn, claim.id))


def test_what_is_open_is_counted_by_user_and_kind(database: Database, person: Person) -> None:
    """Until it ends, or all of the user's for the person end together; another user's stay."""
    first, other = made(database, person), made(database, person, subject="i|2")
    made(database, person, since=NOW + 1)
    made(database, person, kind=ClaimKind.RELATIONSHIP)

    def count(kind: ClaimKind, at: int, subject: str = "i|1") -> int:
        return database.read_now(lambda conn: claims.open_now(conn, subject, kind, at))

    assert count(ClaimKind.GLASS, NOW) == 2
    assert count(ClaimKind.GLASS, NOW + HOUR) == 1
    assert count(ClaimKind.RELATIONSHIP, NOW) == 1
    assert database.write_now(lambda conn: claims.withdraw(conn, first, by="T", now=NOW + 5)) == 2
    assert database.write_now(lambda conn: claims.withdraw(conn, first, by="T", now=NOW + 6)) == 0
    assert count(ClaimKind.GLASS, NOW + 6) == 0
    assert count(ClaimKind.RELATIONSHIP, NOW + 6) == 1
    assert count(ClaimKind.GLASS, NOW + 6, "i|2") == 1
    held = database.read_now(lambda conn: claims.read(conn, first.id))
    assert (held.withdrawn, held.over, held.withdrawn_by) == (NOW + 5, NOW + 5, "T")
    assert held.tie() is None
    glass = held.glass()
    assert glass is not None
    assert glass.withdrawn == NOW + 5
    found = database.read_now(lambda conn: claims.of_actor(conn, person.key, "i|2", NOW))
    assert [one.id for one in found] == [other.id]
    assert database.read_now(lambda conn: claims.of_actor(conn, person.key, "i|2", NOW + HOUR)) == ()


def test_what_each_kind_comes_to(database: Database, person: Person) -> None:
    """A relationship is a tie of this user's and no glass; withdrawn, it is neither."""
    claim = made(database, person, kind=ClaimKind.RELATIONSHIP)
    tie = claim.tie()
    assert tie is not None
    assert (tie.kind, tie.subject, tie.role, tie.until) == ("self-claimed", "i|1", "R8000", NOW + HOUR)
    assert claim.glass() is None
    assert made(database, person).tie() is None
    database.write_now(lambda conn: claims.withdraw(conn, claim, by="T", now=NOW))
    assert database.read_now(lambda conn: claims.read(conn, claim.id)).tie() is None


def test_the_lists(database: Database, person: Person) -> None:
    """What waits, the oldest first, until it is found appropriate; everything, the newest first."""
    old, new = made(database, person), made(database, person, subject="i|2", since=NOW + 1)

    def waiting() -> list[str]:
        return [one.id for one in database.read_now(lambda conn: claims.waiting(conn, 10))]

    assert waiting() == [old.id, new.id]
    for verdict, left in ((Verdict.FOLLOW_UP, [old.id, new.id]), (Verdict.APPROPRIATE, [new.id])):
        said = Review(NOW, "T", verdict, "x")
        database.write_now(lambda conn, said=said: claims.review(conn, person, old, said))  # type: ignore[misc]
        assert waiting() == left
    assert [one.id for one in database.read_now(lambda conn: claims.latest(conn, 10))] == [new.id, old.id]
    assert [one.id for one in database.read_now(lambda conn: claims.latest(conn, 1))] == [new.id]
