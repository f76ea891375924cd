"""Who is held: persons by NHS Number or local identifier, and the organisations that they know.

The number itself stands nowhere in the clear: a keyed hash of it finds the person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from msgspec import structs
from sqlalchemy import Connection, bindparam, delete, select, update

from scr.consent.ties import DeclaredKind, Tie
from scr.errors import Conflict
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.fhir.standing import Standing
from scr.identity.match import Agreement, compare, merged
from scr.identity.tracing import trace
from scr.store.driver import run, send, some, written
from scr.store.keys import KeyRing
from scr.store.people import (
    Person,
    add_person,
    keep_facts,
    person_by_key,
    person_by_patient_id,
    person_by_token,
)
from scr.store.tables import PERSON, PERSON_INDEX, RELATIONSHIP

Kind = DeclaredKind | Literal["objection"]
"""Why an organisation has to do with a person. An ``objection`` is the person's own word that what this
organisation knows is not to be shared."""

_NHS_NUMBER = "nhs-number"
_LOCAL = "local"

_OWNER = written("SELECT person FROM person_index WHERE token = ?")
_ADD_TOKEN = written("INSERT INTO person_index (token, person, kind) VALUES (?, ?, ?)")
_PATIENT_IDS = some(
    "SELECT i.token, p.patient_id FROM person_index i JOIN person p ON p.key = i.person"
    " WHERE i.token IN ({marks})"
)
_HAND_OVER = (
    update(PERSON_INDEX).where(PERSON_INDEX.c.token == bindparam("which")).values(person=bindparam("to"))
)
_FORGET = delete(PERSON_INDEX).where(
    PERSON_INDEX.c.token == bindparam("which"),
    PERSON_INDEX.c.person == bindparam("whose"),
    PERSON_INDEX.c.kind == _LOCAL,
)
_SAME_VIEW = select(PERSON.c.key).where(
    PERSON.c.key == bindparam("other"), PERSON.c.view == bindparam("view")
)
_RELATIONSHIPS = written(
    "SELECT organisation, kind, source, since, seen, until FROM relationship WHERE person = ?"
    " ORDER BY organisation, kind, source"
)
_DAY = 24 * 3600 * 1000
_RELATE = written(
    # Told again within a day, it stays as it is: most messages write nothing here. An end that was told
    # is not taken back by the history of a visit before it.
    "INSERT INTO relationship (person, organisation, kind, source, since, seen, until)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (person, organisation, kind, source) DO UPDATE SET seen = excluded.seen,"
    " until = CASE WHEN excluded.until < relationship.until THEN relationship.until ELSE excluded.until END"
    " WHERE relationship.until IS DISTINCT FROM excluded.until OR relationship.seen < ?"
)


@dataclass(frozen=True, slots=True)
class Relationship:
    """That ``organisation`` has to do with a person, as ``source`` told, last at ``seen`` (to the day).

    ``until`` is the end that was told, None while there is none.
    """

    organisation: OdsCode
    kind: Kind
    source: OdsCode
    since: int
    until: int | None = None
    seen: int = 0

    def tie(self) -> Tie | None:
        """The tie that the policy knows it as; None for an objection."""
        if self.kind == "objection":
            return None
        return Tie(self.organisation, self.kind, self.since, self.source, self.seen, self.until)


def token_of(keys: KeyRing, nhs_number: NHSNumber) -> str:
    """The blind token by which an NHS Number is found."""
    return keys.blind(_NHS_NUMBER, nhs_number.value)


def find(connection: Connection, keys: KeyRing, nhs_number: NHSNumber) -> Person | None:
    """The person with this NHS Number, if they are held."""
    return person_by_token(connection, keys, token_of(keys, nhs_number))


def patient_ids(connection: Connection, tokens: Sequence[str]) -> dict[str, str]:
    """The logical id of the Patient of whomever each token finds, by token; of the others nothing."""
    return dict(run(connection, _PATIENT_IDS(len(tokens)), tokens).fetchall()) if tokens else {}


def owner_of(connection: Connection, keys: KeyRing, nhs_number: NHSNumber) -> str | None:
    """The opaque key of the person whom a number finds, not opened."""
    return _owner(connection, token_of(keys, nhs_number))


def find_local(connection: Connection, keys: KeyRing, system: str, value: str) -> Person | None:
    """The person with this local identifier (a hospital number, say)."""
    return person_by_token(connection, keys, local_token(keys, system, value))


def by_patient_id(connection: Connection, keys: KeyRing, patient_id: str) -> Person | None:
    """The person whose Patient has this logical id."""
    return person_by_patient_id(connection, keys, patient_id)


def register(
    connection: Connection,
    keys: KeyRing,
    nhs_number: NHSNumber,
    demographics: Demographics,
    now: int,
    patient_id: str | None = None,
    *,
    looked: bool = False,
) -> Person:
    """A new person with this NHS Number. Raises Conflict where it is held: ``find`` it then.

    ``patient_id`` is a random id that was made for them before; mostly it is made now. ``looked``: in this
    transaction, and nobody was there.
    """
    if not looked and find(connection, keys, nhs_number) is not None:
        raise Conflict("the person is held already", code="person-exists")
    person = add_person(connection, keys, nhs_number, demographics, now, patient_id)
    trace(connection, keys, person, new=True)
    # Where another writer registers the same number now, the primary key refuses one of the two.
    _add_token(connection, person, token_of(keys, nhs_number), _NHS_NUMBER)
    return person


def learn_local(
    connection: Connection,
    keys: KeyRing,
    person: Person,
    system: str,
    value: str,
    owners: Mapping[str, str | None] | None = None,
) -> bool:
    """Note a local identifier of a person; False where it was known. Raises Conflict if it is another's.

    One of somebody who is linked with the person stays theirs. ``owners`` are known already, by token
    (``local_token``).
    """
    token = local_token(keys, system, value)
    owner = owners[token] if owners is not None else _owner(connection, token)
    if owner is None:
        _add_token(connection, person, token, _LOCAL)
    elif owner != person.key and not _is_linked(connection, person, owner):
        raise Conflict("the local identifier is another person's", code="other-person")
    return owner is None


def hand_over_local(connection: Connection, keys: KeyRing, to: Person, system: str, value: str) -> None:
    """Let a local identifier, whosever it is, be this person's: for ``scr.identity.merges``."""
    token = local_token(keys, system, value)
    connection.execute(_HAND_OVER, {"which": token, "to": to.key})


def forget_local(connection: Connection, keys: KeyRing, person: Person, system: str, value: str) -> None:
    """Do not know a person by a local identifier any more."""
    token = local_token(keys, system, value)
    connection.execute(_FORGET, {"which": token, "whose": person.key})


def give_way(connection: Connection, keys: KeyRing, former: NHSNumber, retained: NHSNumber) -> None:
    """A number was superseded: whoever is held under it, and nobody under the retained, has the retained now.

    Where both are held, they stay as they are: joining them is for ``scr.identity.links``.
    """
    person = find(connection, keys, former)
    if person is None or find(connection, keys, retained) is not None:
        return
    keep_facts(connection, replace(person, nhs_number=retained))
    _add_token(connection, person, token_of(keys, retained), _NHS_NUMBER)


def learn_former(connection: Connection, keys: KeyRing, person: Person, former: NHSNumber) -> bool:
    """Find the person by a number that gave way to theirs, too; False where somebody has it already."""
    token = token_of(keys, former)
    free = _owner(connection, token) is None
    if free:
        _add_token(connection, person, token, _NHS_NUMBER)
    return free


def forget_former(connection: Connection, keys: KeyRing, person: Person, former: NHSNumber) -> None:
    """Do not find a person by a number that gave way to theirs any more; their own stays."""
    if former == person.nhs_number:
        return
    left = tuple(number for number in person.standing.former if number != former.value)
    keep_facts(connection, replace(person, standing=structs.replace(person.standing, former=left)))
    token = token_of(keys, former)
    connection.execute(
        delete(PERSON_INDEX).where(PERSON_INDEX.c.token == token, PERSON_INDEX.c.person == person.key)
    )


def relate(
    connection: Connection,
    person: Person,
    organisation: OdsCode,
    kind: Kind,
    source: OdsCode,
    now: int,
    until: int | None = None,
) -> None:
    """Note that an organisation has to do with a person; one that had ended goes on.

    ``until`` is its end (ms UTC), where one was told with it.
    """
    values = (person.key, organisation.value, kind, source.value, now, now, until, now - _DAY)
    send(connection, _RELATE, values)


def end_relationship(
    connection: Connection, person: Person, organisation: OdsCode, kind: Kind, source: OdsCode, now: int
) -> None:
    """Note that it is over, as the same source told. One that is not held, or is over, stays as it is."""
    change = update(RELATIONSHIP).where(
        RELATIONSHIP.c.person == person.key,
        RELATIONSHIP.c.organisation == organisation.value,
        RELATIONSHIP.c.kind == kind,
        RELATIONSHIP.c.source == source.value,
        RELATIONSHIP.c.until.is_(None),
    )
    connection.execute(change.values(until=now))


def relationships(connection: Connection, person: Person) -> tuple[Relationship, ...]:
    """Every relationship of a person, lasting and over, by organisation."""
    found = run(connection, _RELATIONSHIPS, (person.key,)).fetchall()
    return tuple(
        Relationship(OdsCode(organisation), kind, OdsCode(source), since, until, seen)
        for organisation, kind, source, since, seen, until in found
    )


def known_demographics(connection: Connection, keys: KeyRing, person: Person) -> Demographics:
    """The demographics held now, which may be newer than the ones in ``person``."""
    now = person_by_key(connection, keys, person.key)
    return Demographics() if now is None else now.demographics


def learn_demographics(connection: Connection, keys: KeyRing, person: Person, told: Demographics) -> bool:
    """Take up what a source told, if it agrees with what is held, or nothing is; whether that changed it."""
    if merged(person.demographics, told) == person.demographics:
        return False  # as most messages: it is not read again
    now = person_by_key(connection, keys, person.key)
    if now is None:
        return False
    if now.standing.restricted:  # where they live is not to be found here
        told = structs.replace(told, postcode=None)
    if not now.demographics.is_empty and compare(now.demographics, told).agreement is not Agreement.AGREE:
        return False
    better = merged(now.demographics, told)
    if better == now.demographics:
        return False
    _known_anew(connection, keys, replace(now, demographics=better))
    return True


def learn_also(connection: Connection, keys: KeyRing, person: Person, told: Demographics) -> None:
    """Know a person by other demographics as well, because a reviewer said that these are theirs."""
    now = person_by_key(connection, keys, person.key)
    if now is None:
        return
    theirs = structs.replace(told, postcode=None) if now.standing.restricted else told
    if theirs not in now.known_as:
        _known_anew(connection, keys, replace(now, also=(*now.also, theirs)))


def learn_standing(connection: Connection, keys: KeyRing, person: Person, told: Standing) -> bool:
    """Keep how a person stands in the register; whether that changed anything but the time of asking.

    A number that was once superseded by theirs stays known as such.
    """
    now = person_by_key(connection, keys, person.key)
    if now is None:
        return False
    former = tuple(dict.fromkeys((*now.standing.former, *told.former)))
    better = structs.replace(told, former=former)
    known = now.without_home if better.restricted else now
    if better.restricted == now.standing.restricted and known == now:
        keep_facts(connection, replace(now, standing=better))
    else:
        _known_anew(connection, keys, replace(known, standing=better))
    return structs.replace(now.standing, checked=better.checked) != better


def _known_anew(connection: Connection, keys: KeyRing, person: Person) -> None:
    """Keep what is known of a person now, and let them be found by it."""
    keep_facts(connection, person)
    trace(connection, keys, person)


def _is_linked(connection: Connection, person: Person, other: str) -> bool:
    """Whether the two are in one view (``scr.identity.links``)."""
    return person.view is not None and (
        connection.execute(_SAME_VIEW, {"other": other, "view": person.view}).one_or_none() is not None
    )


def local_token(keys: KeyRing, system: str, value: str) -> str:
    """The blind token by which a local identifier is found."""
    return keys.blind(_LOCAL, f"{system}\x1f{value}")


def _add_token(connection: Connection, person: Person, token: str, kind: str) -> None:
    send(connection, _ADD_TOKEN, (token, person.key, kind))


def _owner(connection: Connection, token: str) -> str | None:
    """The key of the person whom a token finds."""
    row = run(connection, _OWNER, (token,)).fetchone()
    return None if row is None else str(row[0])
