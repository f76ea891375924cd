"""What people, and who acts for them, have added to the record: theirs to see, also when it was withdrawn."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.fhir.person import ADDED_SOURCE, WITHDRAWN_SOURCE
from scr.store.contributions import Kept
from scr.store.keys import KeyRing
from scr.store.people import Person
from scr.store.records import load_entry, load_history, load_record

_SOURCES = (OdsCode(ADDED_SOURCE), OdsCode(WITHDRAWN_SOURCE))
_OURS = frozenset({ADDED_SOURCE, WITHDRAWN_SOURCE})


def added_to(connection: Connection, keys: KeyRing, people: Sequence[Person]) -> list[Entry]:
    """Everything that was added to a record, the newest first; what was withdrawn is among it."""
    found = [entry for person in people for entry in load_record(connection, keys, person, _SOURCES)]
    return sorted(found, key=lambda entry: (-entry.last_updated, entry.id))


def find_added(connection: Connection, keys: KeyRing, people: Sequence[Person], logical: str) -> Kept | None:
    """What was added to this record under an id; None for what stands on any other, and for all else."""
    found = load_entry(connection, keys, logical)
    if found is None or found[1].source not in _OURS or found[0].key not in {one.key for one in people}:
        return None
    return Kept(*found)


def versions_of(connection: Connection, keys: KeyRing, logical: str) -> list[Entry]:
    """Every version of what was added, the newest first."""
    return [entry for _, entry in load_history(connection, keys, logical)]
