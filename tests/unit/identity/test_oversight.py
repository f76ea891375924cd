"""Who reviews a claim: by name, never one's own, and in the audit of the person whom it is about."""

from __future__ import annotations

import pytest
from tests.unit.store.samples import NOW, nhs_number

from scr.errors import Conflict, Forbidden, Invalid, NotFound
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import OdsCode
from scr.identity import index
from scr.identity.oversight import Oversight, Watcher
from scr.store import claims
from scr.store.claims import Claim, ClaimKind, Verdict
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.trail import recent

OFFICER = Watcher("Tamsin Arkwright", "issuer|9")


@pytest.fixture
def claim(database: Database, keys: KeyRing) -> Claim:
    """A broken glass of an hour."""
    person = database.write_now(lambda c: index.register(c, keys, nhs_number(0), Demographics(), NOW))
    drafted = Claim(
        "",
        "",
        ClaimKind.GLASS,
        "issuer|1",
        "Ada Finch",
        "R8000",
        "",
        OdsCode("ZZH01"),
        "",
        "BTG",
        NOW,
        NOW + 9,
    )
    return database.write_now(lambda c: claims.add(c, person, drafted, "Found unconscious"))


async def test_nobody_reviews_their_own_and_nobody_without_a_name(
    database: Database, keys: KeyRing, claim: Claim
) -> None:
    """The same user in another role is the same user; nothing of it is written down."""
    watch = Oversight(database, keys, lambda: NOW)
    with pytest.raises(Forbidden, match="your own"):
        await watch.review(claim.id, Watcher("Ada Finch", "issuer|1"), Verdict.APPROPRIATE, "It was right.")
    with pytest.raises(Invalid, match="who reviews"):
        await watch.withdraw(claim.id, Watcher("  "))
    with pytest.raises(NotFound):
        await watch.review("x", OFFICER, Verdict.APPROPRIATE, "It was right.")
    assert database.read_now(recent) == []
    assert [one.id for one in await watch.waiting()] == [claim.id]


async def test_it_is_over_once(database: Database, keys: KeyRing, claim: Claim) -> None:
    """Withdrawn twice, or after its end, is a conflict; each act is told under the person."""
    now = NOW
    watch = Oversight(database, keys, lambda: now)
    assert watch.is_open(claim)
    await watch.withdraw(claim.id, OFFICER)
    with pytest.raises(Conflict):
        await watch.withdraw(claim.id, OFFICER)
    [row] = database.read_now(recent)
    assert (row.what, row.person, row.actor, row.actor_name) == (
        "privacy withdraw",
        claim.person,
        OFFICER.subject,
        OFFICER.name,
    )
    now = NOW + 9
    assert not watch.is_open(claim)
