"""What the index is asked of a unit before it is filed, all at once: whose its number is, and its local ids.

The person is held from then until the end of the transaction, as whoever changes their record holds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index
from scr.mapping.run import Claim
from scr.store.driver import Ran, ask, held, settle, some, written
from scr.store.keys import KeyRing
from scr.store.people import Person, open_person

_PERSON = (
    "SELECT key, patient_id, wrapped_key, sealed, revision, view, labelled FROM person"
    " WHERE key = (SELECT person FROM person_index WHERE token = ?)"
)
_HOLD = {**written(_PERSON), "postgresql": written(f"{_PERSON} FOR UPDATE")["postgresql"]}
_OWNERS = some("SELECT token, person FROM person_index WHERE token IN ({marks})")


@dataclass(frozen=True, slots=True)
class Sought:
    """What was found: the ``person`` whom a number finds, if any, and by the blind token of each local
    identifier the key of whoever has it."""

    number: NHSNumber
    person: Person | None = field(repr=False)
    owners: Mapping[str, str | None] = field(repr=False)


class Seeking(NamedTuple):
    """A question that was put, and not answered yet."""

    number: NHSNumber
    person: Ran
    tokens: tuple[str, ...]
    owners: Ran | None


def seek(connection: Connection, keys: KeyRing, provider: OdsCode, stated: Claim) -> Seeking | None:
    """Ask about a unit; None where it names no number. The answer comes with what is asked next."""
    if stated.nhs_number is None:
        return None
    person = ask(connection, _HOLD, (index.token_of(keys, stated.nhs_number),))
    local = (index.local_token(keys, f"{provider}|{system}", value) for system, value in stated.local_ids)
    tokens = tuple(dict.fromkeys(local))
    owners = ask(connection, _OWNERS(len(tokens)), tokens) if tokens else None
    return Seeking(stated.nhs_number, person, tokens, owners)


def found(connection: Connection, keys: KeyRing, seeking: Seeking) -> Sought:
    """What was found. Raises Fault ``unreadable`` where the person's key was destroyed."""
    settle(connection)
    row = seeking.person.fetchone()
    owners: dict[str, str | None] = dict.fromkeys(seeking.tokens)
    if seeking.owners is not None:
        owners.update(seeking.owners.fetchall())
    if row is None:
        return Sought(seeking.number, None, owners)
    *columns, labelled = row
    person = open_person(keys, columns)
    held(connection)[person.key] = labelled
    return Sought(seeking.number, person, owners)
