"""Answers of live sources of which it is not certain whose they are, as cases of the review queue.

Nothing of such an answer is kept but whom it told of (``scr.identity.otherwise``). Where a reviewer says that
it is the person, the next answer is used.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from scr.errors import NotFound, Unprocessable
from scr.fhir.demographics import ToldOtherwise
from scr.fhir.identifiers import OdsCode
from scr.identity import index
from scr.identity.heard import SENTENCES
from scr.store import doubts
from scr.store.doubts import DoubtCode, PersonDoubt
from scr.store.keys import KeyRing
from scr.store.people import Person, person_by_key
from scr.store.quarantine import Quarantined, QuarantineState

DIFFERS: DoubtCode = "source-differs"
CONTRADICTS: DoubtCode = "source-contradicts"
_BETWEEN = "."
"""Between source and Patient's id; an id in quarantine has none."""


def waiting(connection: Connection, keys: KeyRing, limit: int) -> list[Quarantined]:
    """Those that nobody has decided on, the oldest first."""
    found = [one for one in doubts.standing(connection, limit) if one.code == DIFFERS]
    people = (person_by_key(connection, keys, one.person) for one in found)
    cases = (
        as_case(person, told)
        for person in people
        if person is not None
        for told in person.otherwise
        if not told.refused and not told.contradicts
    )
    return sorted(cases, key=lambda case: case.created)


def named(connection: Connection, keys: KeyRing, doubt: PersonDoubt) -> PersonDoubt:
    """The same, with the sources that have another person's demographics under the number."""
    person = person_by_key(connection, keys, doubt.person) if doubt.code == CONTRADICTS else None
    if person is None:
        return doubt
    return replace(doubt, sources=tuple(OdsCode(one.source) for one in person.otherwise if one.contradicts))


def is_answer(item: str) -> bool:
    """Whether an id of the queue is that of an answer."""
    return _BETWEEN in item


def find(connection: Connection, keys: KeyRing, item: str) -> tuple[Person, ToldOtherwise]:
    """The person, and what the source told. Raises NotFound; Unprocessable for what is not in doubt."""
    source, _, patient_id = item.partition(_BETWEEN)
    person = index.by_patient_id(connection, keys, patient_id)
    told = next((one for one in person.otherwise if one.source == source), None) if person else None
    if person is None or told is None:
        raise NotFound("nothing waits for a decision under this id", code="no-review")
    if told.refused or told.contradicts:
        raise Unprocessable("it is not in doubt whose it is: the source has to correct it", code="no-review")
    return person, told


def as_case(person: Person, told: ToldOtherwise) -> Quarantined:
    """What the queue shows of it."""
    return Quarantined(
        id=f"{told.source}{_BETWEEN}{person.patient_id}",
        message="",
        provider=OdsCode(told.source),
        adapter="asked live",
        place="what it answers",
        code=DIFFERS,
        sentence=SENTENCES[DIFFERS],
        created=told.since,
        state=QuarantineState.OPEN,
        attempts=0,
    )
