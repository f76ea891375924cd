"""A person's Consents: kept version by version with their record, and their rules, ready to be asked.

A Consent is a resource of this deployment's own (``source`` ``scr``), sealed and versioned as every
resource. Beside it stand the rules of all that are in force, in one sealed row of the person: every
request reads it, by the person's key, and finds nothing for those who have said nothing. Both are
written in one transaction, so that what is said is in force in every process as soon as it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import orjson
from sqlalchemy import Connection, delete, insert

from scr.consent.consents import rules_of
from scr.consent.sharing import SharingRule, unreadable
from scr.errors import NotFound, PreconditionFailed
from scr.fhir.entry import Entry, Resource, pack
from scr.fhir.person import PERSON_SOURCE
from scr.store.driver import run, some
from scr.store.filing import file_entries
from scr.store.keys import KeyRing, random_id, seal, unseal
from scr.store.people import Person, lock_person
from scr.store.records import load_entry, load_history, load_some
from scr.store.tables import SHARING

CONSENT = "Consent"
_Rules = tuple[SharingRule, ...]
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Rules)
_SEALED = some("SELECT person, sealed FROM sharing WHERE person IN ({marks})")


@dataclass(frozen=True, slots=True)
class Said:
    """A Consent, and whose record it stands on."""

    person: Person
    entry: Entry


def rules_for(connection: Connection, people: Sequence[Person]) -> _Rules:
    """The rules in force for a record, of everybody who is read as one with the person.

    Rules that cannot be read, of a later version of this program say, deny everything. Raises Fault
    ``unreadable`` where a row was changed or moved.
    """
    rows = run(connection, _SEALED(len(people)), [person.key for person in people]).fetchall()
    if not rows:
        return ()
    sealed = {key: bytes(value) for key, value in rows}
    found = (rules_in(person, sealed[person.key]) for person in people if person.key in sealed)
    return tuple(rule for rules in found for rule in rules)


def create(connection: Connection, keys: KeyRing, person: Person, consent: Resource, now: int) -> Entry:
    """Keep a new Consent on a person's record, and put its rules in force. Its id is made here.

    Raises Unprocessable for what cannot be read, NotFound where the person was erased.
    """
    return _keep(connection, keys, person, {**consent, "id": random_id()}, now)


def update(
    connection: Connection, keys: KeyRing, said: Said, consent: Resource, version: str, now: int
) -> Entry:
    """Keep the next version of a Consent, if ``version`` is the present one: PreconditionFailed if not.

    Raises Unprocessable for what cannot be read, NotFound where it or its person is there no more.
    """
    if not lock_person(connection, said.person):
        raise NotFound("the person is not held any more", code="no-person")
    present = find(connection, keys, said.entry.id)
    if present is None:
        raise NotFound("the Consent is not held any more")
    if present.entry.version != version:
        raise PreconditionFailed(
            "somebody else has changed it: read it again, and send If-Match with what its ETag is now",
            code="stale-version",
        )
    return _keep(connection, keys, said.person, {**consent, "id": said.entry.id}, now)


def find(connection: Connection, keys: KeyRing, logical: str) -> Said | None:
    """The Consent of this deployment's own with an id."""
    found = load_entry(connection, keys, logical)
    return None if found is None or not _is_own(found[1]) else Said(*found)


def versions(connection: Connection, keys: KeyRing, logical: str) -> list[Said]:
    """Every version of a Consent of this deployment's own, the newest first; none where there is none."""
    return [Said(*found) for found in load_history(connection, keys, logical) if _is_own(found[1])]


def consents_of(connection: Connection, people: Iterable[Person]) -> list[Entry]:
    """The Consents that these persons have made here, the newest first, whatever their status."""
    found = [entry for person in people for entry in load_some(connection, person, CONSENT)]
    return sorted(filter(_is_own, found), key=lambda entry: (-entry.last_updated, entry.id))


def _keep(connection: Connection, keys: KeyRing, person: Person, consent: Resource, now: int) -> Entry:
    # What it refers to is no bond: a label of what somebody objects to does not go over to the objection.
    packed = pack(consent, source=PERSON_SOURCE, now=now, references=())
    rules_of(consent)  # what cannot be read is not kept
    file_entries(connection, keys, person, [packed], now)
    kept = load_entry(connection, keys, packed.id)
    if kept is None:
        raise NotFound("the person is not held any more", code="no-person")
    entry = kept[1]
    _put(connection, person, entry.id, rules_of(orjson.loads(entry.body)))
    return entry


def _put(connection: Connection, person: Person, logical: str, rules: _Rules) -> None:
    """Let these be the rules of one Consent, in the place of those that it had."""
    others = tuple(rule for rule in rules_for(connection, [person]) if rule.consent != logical)
    connection.execute(delete(SHARING).where(SHARING.c.person == person.key))
    if others or rules:
        sealed = seal(person.data_key, _encoder.encode((*others, *rules)), _place(person))
        connection.execute(insert(SHARING), {"person": person.key, "sealed": sealed})


def rules_in(person: Person, sealed: bytes) -> _Rules:
    """The rules of a person's row, as ``rules_for`` has them."""
    plain = unseal(person.data_key, sealed, _place(person))
    try:
        return _decoder.decode(plain)
    except msgspec.DecodeError:
        return (unreadable("", ""),)


def _is_own(entry: Entry) -> bool:
    return entry.source == PERSON_SOURCE and entry.type == CONSENT


def _place(person: Person) -> bytes:
    return f"sharing/{person.key}".encode()
