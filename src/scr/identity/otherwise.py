"""What live sources tell of somebody who may be another person than is known here.

Nothing of such an answer is used. What it said of the person is kept with them, sealed by their key, one of
each source, so that a human can look at both sides; it goes when the source tells what agrees.
"""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs
from sqlalchemy import Connection

from scr.fhir.demographics import Demographics, ToldOtherwise
from scr.fhir.identifiers import OdsCode
from scr.identity import index
from scr.store import doubts, trail
from scr.store.doubts import BY_SOURCE, DoubtCode
from scr.store.keys import KeyRing
from scr.store.people import Person, keep_facts, lock_person, person_by_key, without_postcode

_MOST = 20
"""Sources of which something is kept with one person; the latest."""


def note(
    connection: Connection,
    keys: KeyRing,
    person: str,
    source: OdsCode,
    told: Demographics,
    now: int,
    *,
    contradicts: bool,
) -> bool:
    """Keep what a source told of a person (by opaque key); False where that is known already."""
    held = _locked(connection, keys, person)
    if held is None:
        return False
    said = ToldOtherwise(
        source.value,
        without_postcode(told) if held.standing.restricted else told,
        now,
        contradicts=contradicts,
    )
    before = of_source(held, source)
    if before is not None and structs.replace(before, since=now, refused=False) == said:
        return False
    _keep(connection, held, (*_others(held, source), said))
    row = trail.AuditRow(
        at=now,
        actor=source.value,
        action="U",
        what=f"identity {code_of(contradicts=contradicts)}",
        outcome="success",
        person=held.key,
        organisation=source.value,
    )
    trail.append(connection, row)
    return True


def over(connection: Connection, keys: KeyRing, person: str, source: OdsCode) -> None:
    """The source tells what agrees: what it told before is forgotten."""
    held = _locked(connection, keys, person)
    if held is not None and of_source(held, source) is not None:
        _keep(connection, held, _others(held, source))


def accept(connection: Connection, keys: KeyRing, person: Person, told: ToldOtherwise) -> None:
    """A reviewer said that it is the person: they are known by these demographics too from now on."""
    index.learn_also(connection, keys, person, told.demographics)
    over(connection, keys, person.key, OdsCode(told.source))


def refuse(connection: Connection, keys: KeyRing, person: Person, told: ToldOtherwise) -> None:
    """A reviewer said that it is somebody else: it is told no more while the source says the same."""
    held = _locked(connection, keys, person.key)
    if held is not None:
        others = _others(held, OdsCode(told.source))
        _keep(connection, held, (*others, structs.replace(told, refused=True)))


def of_source(person: Person, source: OdsCode) -> ToldOtherwise | None:
    """What a source told of a person otherwise than they are known; None where it did not."""
    return next((one for one in person.otherwise if one.source == source.value), None)


def code_of(*, contradicts: bool) -> DoubtCode:
    """The code of the doubt that a human is told of."""
    return "source-contradicts" if contradicts else "source-differs"


def _others(person: Person, source: OdsCode) -> tuple[ToldOtherwise, ...]:
    return tuple(one for one in person.otherwise if one.source != source.value)


def _locked(connection: Connection, keys: KeyRing, key: str) -> Person | None:
    """The person as they are now that nobody else changes them; None where they were erased."""
    person = person_by_key(connection, keys, key)
    if person is None or not lock_person(connection, person):
        return None
    return person_by_key(connection, keys, key)


def _keep(connection: Connection, person: Person, otherwise: tuple[ToldOtherwise, ...]) -> None:
    """Keep them, and let a human be told of what is not decided on."""
    kept = otherwise[-_MOST:]
    keep_facts(connection, replace(person, otherwise=kept))
    doubts.settle(connection, person, BY_SOURCE)
    for one in kept:
        if not one.refused:
            doubts.note(connection, person, code_of(contradicts=one.contradicts), one.since)
