"""What the register says of the number of somebody who is held: kept with them, and told where it is grave.

A number that was taken out of use closes the record: nobody can say whose it is any more. Whatever else is
doubtful leaves it open, and a human looks into it (``scr.store.doubts``).
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import structs
from sqlalchemy import Connection

from scr.fhir.standing import Standing
from scr.identity import index
from scr.identity.pds.facts import Facts, Invalidated
from scr.store import doubts, trail
from scr.store.doubts import DoubtCode
from scr.store.keys import KeyRing
from scr.store.people import Person, revise

INVALIDATED: DoubtCode = "nhs-number-invalidated"
SENTENCES: Mapping[DoubtCode, str] = {
    INVALIDATED: "Their NHS Number was taken out of use. Nobody is answered with this record until it is"
    " linked with the record of whose it is, or the number is in use again.",
    "nhs-number-not-known": "The register has nobody with their NHS Number: find out who it is.",
    "nhs-number-disputed": "The register has another NHS Number for them, which cannot be taken up here:"
    " a bar or another link stands against it.",
    "demographics-differ": "Whom the register knows by this NHS Number is not as the person who is held here:"
    " find out whose the record is.",
    "source-differs": "A source that is asked live tells of somebody who may be another: nothing of its"
    " answers is used until somebody has decided.",
    "source-contradicts": "A source that is asked live has another person's demographics under their NHS"
    " Number: nothing of its answers is used. Tell it, so that it corrects them.",
}
"""What is told of a person in doubt: what is the matter, and what to do."""
REGISTER = "PDS"
"""Who did it, in the audit."""


def out_of_use(connection: Connection, keys: KeyRing, facts: Facts, now: int) -> None:
    """Whoever is held under a number that the register took out of use is marked so from now on."""
    for number, said in facts.items():
        person = index.find(connection, keys, number) if isinstance(said, Invalidated) else None
        if person is not None and person.nhs_number == number:
            _mark(connection, keys, person, now)


def _mark(connection: Connection, keys: KeyRing, person: Person, now: int) -> None:
    known = person.standing
    index.learn_standing(
        connection, keys, person, structs.replace(known, checked=now, invalidated=known.invalidated or now)
    )
    if doubts.note(connection, person, INVALIDATED, now):
        _tell(connection, person, "identity number out of use", now)


def in_use(connection: Connection, keys: KeyRing, person: Person, standing: Standing) -> None:
    """The register knows a person by their number, and says how they stand: what was in doubt is over."""
    index.learn_standing(connection, keys, person, standing)
    if doubts.settle(connection, person) and person.standing.invalidated:
        _tell(connection, person, "identity number in use again", standing.checked)


def in_doubt(connection: Connection, keys: KeyRing, person: Person, code: DoubtCode, now: int) -> None:
    """What the register says cannot be taken up: it has been asked, and a human is told of it."""
    now_known = index.find(connection, keys, person.nhs_number) or person
    index.learn_standing(connection, keys, person, structs.replace(now_known.standing, checked=now))
    if doubts.note(connection, person, code, now):
        _tell(connection, person, f"identity {code}", now)


def _tell(connection: Connection, person: Person, what: str, now: int) -> None:
    revise(connection, person)
    row = trail.AuditRow(at=now, actor=REGISTER, action="U", what=what, outcome="success", person=person.key)
    trail.append(connection, row)
