"""Two numbers, one human being: linked and read as one, and taken apart again without a guess.

docs/adr/0010-links.md says why. Each person keeps a row and a key of their own, and what comes under
their number stays there; a link only says that they are read together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from scr.errors import NotFound, Unprocessable
from scr.fhir.identifiers import NHSNumber
from scr.identity import bars, index
from scr.identity.merges import move_back
from scr.identity.told import tell
from scr.store import links
from scr.store.groups import JOINING, group_of, path, regroup, together
from scr.store.keys import KeyRing
from scr.store.links import Grounds, Link, LinkId
from scr.store.people import Person, erase_person, lock_person, person_by_key, revise
from scr.store.people import view_of as view_of

MOST = 8
"""Persons in one view. More numbers than that were never one human being's: something is wrong."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What undoing a link did.

    ``moved``: resources that went back. ``left``: resources that came under the same local identifier
    since, and stay with the person whose number they named: a human should look at them.
    """

    link: Link
    moved: int = 0
    left: int = 0


def link(
    connection: Connection,
    keys: KeyRing,
    former: Person,
    retained: Person,
    *,
    kind: Literal["superseded", "reviewed"],
    reasons: Sequence[str],
    evidence: Mapping[str, str],
    by: str,
    now: int,
) -> LinkId:
    """Read ``former`` and ``retained`` as one from ``now`` (ms UTC) on, as the retained; the link's id.

    ``reasons`` are stable codes (``pds-superseded``); ``evidence`` is sealed; ``by`` says who: a name, or
    the source that said so. The same link again is the one that there is. Raises Forbidden ``barred``
    where they are never to be linked: raise a review that names neither; Unprocessable
    ``linked-elsewhere`` where the former gave way to another, ``would-cycle``, or ``too-many-linked``.
    """
    _lock(connection, former, retained)
    mine, theirs = group_of(connection, former.key), group_of(connection, retained.key)
    if mine[former.key] == retained.key:
        known = links.joins_of(links.links_of(connection, [former.key]), JOINING)
        return next(one.id for one in known if (one.former, one.retained) == (former.key, retained.key))
    if mine[former.key]:
        raise Unprocessable("the former one is linked with another already", code="linked-elsewhere")
    if former.key in theirs:
        raise Unprocessable("the retained one is linked with the former already", code="would-cycle")
    if len(mine) + len(theirs) > MOST:
        raise Unprocessable(f"more than {MOST} persons would be one", code="too-many-linked")
    bars.check_bar(connection, keys, _people(connection, keys, mine), _people(connection, keys, theirs))
    made = links.add(
        connection,
        former,
        retained,
        kind=kind,
        grounds=Grounds(tuple(reasons), dict(evidence)),
        by=by,
        now=now,
    )
    regroup(connection, [former.key])
    tell(connection, links.read(connection, made), "C", by, now, " ".join(reasons))
    return made


def unlink(connection: Connection, keys: KeyRing, link_id: str, *, by: str, reason: str, now: int) -> Undone:
    """Undo a link, of any kind: what it joined is apart, what it moved goes back.

    Raises NotFound; Unprocessable ``already-undone``, or ``undo-later-first`` where a later merge has
    taken on what this one moved.
    """
    known = links.read(connection, link_id)
    former, retained = links.ends(connection, keys, known)
    _lock(connection, former, retained)
    links.mark_undone(connection, known, by, now)
    moved = left = 0
    if known.kind in JOINING:
        regroup(connection, [former.key, retained.key])
        index.forget_former(connection, keys, retained, former.nhs_number)
    else:
        moved, left = move_back(connection, keys, known, former, retained, now)
    undone = Undone(links.read(connection, link_id), moved, left)
    tell(connection, undone.link, "D", by, now, reason)
    return undone


def bar(
    connection: Connection, keys: KeyRing, numbers: Sequence[NHSNumber], *, reason: str, by: str, now: int
) -> tuple[str, list[Undone]]:
    """Never link two numbers, or one with any; the bar's id, and what was undone because of it.

    What stands against it is undone, the newest link first, until no two that are barred are one. A row
    that was known by both numbers keeps its own; what was filed in it cannot be told apart any more.
    """
    held = [found for number in numbers if (found := index.find(connection, keys, number)) is not None]
    for person in sorted(held, key=lambda one: one.key):  # whoever links one meanwhile meets another writer
        lock_person(connection, person)
        revise(connection, person)
    made = bars.declare(connection, keys, numbers, reason=reason, by=by, now=now)
    if len(held) == 2 and held[0].key == held[1].key:  # one row was known by both
        for number in numbers:
            index.forget_former(connection, keys, held[0], number)
    undone: list[Undone] = []
    while against := _against(connection, held, single=len(numbers) == 1):
        undone.append(unlink(connection, keys, against, by=by, reason="barred", now=now))
    return made, undone


def links_in_force(connection: Connection, people: Sequence[Person]) -> tuple[Link, ...]:
    """The links that make these persons one view; none for one who is alone."""
    if len(people) == 1:
        return ()
    known = links.links_of(connection, [person.key for person in people])
    return tuple(links.joins_of(known, JOINING))


def erase(connection: Connection, keys: KeyRing, person: Person) -> int:
    """Erase a human being: every person of the view that ``person`` is in; how many rows."""
    people = view_of(connection, keys, person)
    for each in people:
        erase_person(connection, keys, each)
    return len(people)


def _lock(connection: Connection, *people: Person) -> None:
    """Hold two persons, always in one order. Raises NotFound for one who was erased."""
    for person in sorted({person.key: person for person in people}.values(), key=lambda each: each.key):
        if not lock_person(connection, person):
            raise NotFound("the person is not held any more", code="no-person")


def _people(connection: Connection, keys: KeyRing, some: Mapping[str, str]) -> list[Person]:
    found = (person_by_key(connection, keys, key) for key in sorted(some))
    return [person for person in found if person is not None]


def _against(connection: Connection, held: Sequence[Person], *, single: bool) -> str:
    """The newest link that a bar stands against; empty where there is none (any more).

    Of one number: any with another person. Of two: one on the way by which a view shows both.
    """
    if single:
        known = links.links_of(connection, [person.key for person in held])
        others = [one.id for one in known if one.in_force and one.former != one.retained]
        return others[-1] if others else ""
    one, other = (person.key for person in held) if len(held) == 2 else ("", "")
    if one == other or not (together(connection, one, other) or together(connection, other, one)):
        return ""
    return path(connection, one, other)[0]
