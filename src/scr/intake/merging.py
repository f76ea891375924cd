"""What a message that merges two of its sender's records does here, or undoes; and what a reviewer decides.

HL7 v2 chapter 3: A34 and A40 (merge), A37 (unlink). A message by itself never joins two NHS Numbers: where
the prior identifier is another person's, it waits for a reviewer, and what it says of bars it does not tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from scr.decode.hl7v2.merges import PARTING
from scr.decode.tree import Unit
from scr.errors import Unprocessable
from scr.fhir.identifiers import OdsCode
from scr.identity import bars, index, links, merges
from scr.mapping.adapter import Adapter
from scr.mapping.run import Claim, Other, claim
from scr.store import quarantine
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.links import LinkId
from scr.store.people import Person, view_of

if TYPE_CHECKING:
    from scr.intake.receive import Intake, Receipt

MERGE = "merge-needs-review"
"""The code by which an adapter declines a unit that merges, moves, links or unlinks records."""


def merge_of(stated: Claim) -> Other | None:
    """The other patient of a unit that may be carried out as a merge, if nothing else speaks against it."""
    return stated.other if stated.declined == MERGE and set(stated.also) <= _SAME else None


_SAME = frozenset({"several-patients", "unsupported-message", "visit-without-identifier"})
"""Rules that hold for such a message because it is one: two PIDs, an event that tells of no visit."""


def carry_out(
    conn: Connection, keys: KeyRing, provider: OdsCode, person: Person, stated: Claim, other: Other, now: int
) -> bool:
    """Do what the message says, where that joins and parts nobody but by its sender's own identifiers.

    False: a reviewer has to say. What was written until then is for the caller to undo.
    """
    if other.problem or not other.local_ids or bars.is_barred(conn, keys, bars.numbers_of([person])):
        return False
    if other.event == PARTING:
        return _part(conn, keys, provider, person, stated, other, now)
    return _merge(conn, keys, provider, person, stated, other, now)


def _merge(
    conn: Connection, keys: KeyRing, provider: OdsCode, person: Person, stated: Claim, other: Other, now: int
) -> bool:
    view = view_of(conn, keys, person)
    own = {one.key for one in view}
    named = merges.owners_of(conn, keys, provider, other.local_ids)
    if other.nhs_number is not None:
        holder = index.find(conn, keys, other.nhs_number)
        if holder is None:
            return False
        named.append(holder)
    if any(one.key not in own for one in named):
        return False
    surviving = _without(stated.local_ids, other.local_ids)
    merges.alias(
        conn, keys, person, provider, other.local_ids, surviving,
        reasons=["merge-message"], by=str(provider), now=now,
    )  # fmt: skip
    return True


def _part(
    conn: Connection, keys: KeyRing, provider: OdsCode, person: Person, stated: Claim, other: Other, now: int
) -> bool:
    people = [person, *merges.owners_of(conn, keys, provider, (*stated.local_ids, *other.local_ids))]
    made = merges.find_merge(conn, keys, people, provider, stated.local_ids, other.local_ids)
    if made is None:
        return False
    undone = links.unlink(conn, keys, made.id, by=str(provider), reason="unlink-message", now=now)
    return made.kind == "merge" or undone.left == 0


def decide(
    conn: Connection,
    keys: KeyRing,
    provider: OdsCode,
    stated: Claim,
    *,
    one_person: bool,
    by: str,
    reason: str,
    now: int,
) -> LinkId:
    """What a reviewer decides of a merge that waits: the prior identifiers are the surviving person's.

    ``one_person``: and both NHS Numbers are one human being's. Then they are linked, and nothing moves.
    Raises Unprocessable where the unit is no such merge, Forbidden ``barred``.
    """
    other = stated.other
    retained = None if stated.nhs_number is None else index.find(conn, keys, stated.nhs_number)
    if other is None or other.event == PARTING or retained is None:
        raise Unprocessable("this is no merge of two records that are known here", code="no-merge")
    owners = merges.owners_of(conn, keys, provider, other.local_ids)
    former = [one for one in owners if one.key != retained.key]
    if len(former) != 1:
        raise Unprocessable("its prior identifiers are not one other person's", code="no-merge")
    evidence = {"reason": reason}
    if one_person:
        return links.link(
            conn, keys, former[0], retained,
            kind="reviewed", reasons=["merge-approved"], evidence=evidence, by=by, now=now,
        )  # fmt: skip
    surviving = _without(stated.local_ids, other.local_ids)
    return merges.move(
        conn, keys, former[0], retained, provider, other.local_ids, surviving,
        reasons=["merge-approved"], evidence=evidence, by=by, now=now,
    )  # fmt: skip


async def approve(
    intake: Intake,
    database: Database,
    keys: KeyRing,
    adapters: Mapping[str, Adapter],
    item: str,
    *,
    one_person: bool,
    by: str,
    reason: str,
    now: int,
) -> tuple[LinkId, Receipt]:
    """Decide of a merge in quarantine, and file it then. Raises NotFound, and as ``decide``."""
    found, raw = await database.read(lambda conn: quarantine.open_quarantined(conn, keys, item))
    adapter = adapters[found.adapter]
    units = [unit for unit in adapter.units(raw) if isinstance(unit, Unit)]
    if len(units) != 1:
        raise Unprocessable("this is no merge of two records that are known here", code="no-merge")
    stated = claim(adapter, units[0])
    made = await database.write(
        lambda conn: decide(
            conn, keys, found.provider, stated, one_person=one_person, by=by, reason=reason, now=now
        )
    )
    return made, await intake.retry(item)


def _without(
    ids: tuple[tuple[str, str], ...], others: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    return tuple(one for one in ids if one not in others)
