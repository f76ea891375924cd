"""The entries of an HL7 v2 message, put beside what is held of the same things (``scr.mapping.carry``)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from scr.fhir.entry import Entry
from scr.mapping.carry import lacks_start, replaced_by, superseded, with_start_of
from scr.store.people import Person
from scr.store.records import load_some

_DOCUMENT = "DocumentReference"


def carried(connection: Connection, person: Person, entries: Sequence[Entry]) -> list[Entry]:
    """The entries as they are to be filed, and with them the held documents that they change.

    An Encounter keeps the start that it was told before; a document is superseded by the one that
    replaces it, whichever of the two comes first.
    """
    return _documents(connection, person, [_begun(connection, person, entry) for entry in entries])


def _begun(connection: Connection, person: Person, entry: Entry) -> Entry:
    if not lacks_start(entry):
        return entry
    held = load_some(connection, person, entry.type, [entry.id])
    return with_start_of(entry, held[0]) if held else entry


def _documents(connection: Connection, person: Person, entries: list[Entry]) -> list[Entry]:
    if all(entry.type != _DOCUMENT for entry in entries):
        return entries
    told = {entry.reference for entry in entries}
    held = [entry for entry in load_some(connection, person, _DOCUMENT) if entry.reference not in told]
    replaced = frozenset[str]().union(*map(replaced_by, (*entries, *held)))
    changed = [superseded(entry) for entry in held if entry.id in replaced and entry.status == "current"]
    return [superseded(entry) if entry.id in replaced else entry for entry in entries] + changed
