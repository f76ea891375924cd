"""People and entries for the tests of the store: all made up, numbers of the 999 range."""

from __future__ import annotations

from collections.abc import Sequence

from scr.fhir.demographics import Demographics
from scr.fhir.entry import Entry, pack
from scr.fhir.identifiers import NHSNumber, is_nhs_number
from scr.identity.index import register
from scr.store.engine import Database
from scr.store.filing import Filed, file_entries
from scr.store.keys import KeyRing
from scr.store.people import Person

NOW = 1_767_225_600_000
FAMILY = "Quillfeather"


def nhs_number(serial: int) -> NHSNumber:
    """The ``serial``-th valid NHS Number from 999 000 0000 on."""
    found = (text for text in map(str, range(9_990_000_000, 9_999_999_999)) if is_nhs_number(text))
    for _ in range(serial):
        next(found)
    return NHSNumber(next(found))


def person(database: Database, keys: KeyRing, serial: int = 0) -> Person:
    """A person who is registered."""
    told = Demographics(FAMILY, ("Wilhelmina",), "1951-02-03", "female", "ZZ99 3WZ")
    return database.write_now(lambda connection: register(connection, keys, nhs_number(serial), told, NOW))


def note(logical: str, text: str = "first", kind: str = "Observation", source: str = "A81001") -> Entry:
    """An entry with a text in it."""
    resource = {"resourceType": kind, "id": logical, "meta": {}, "status": "final", "code": {"text": text}}
    return pack(resource, source=source, now=NOW)


def filed(
    database: Database, keys: KeyRing, someone: Person, entries: Sequence[Entry], at: int = NOW
) -> Filed:
    """File entries at a time."""
    return database.write_now(lambda connection: file_entries(connection, keys, someone, entries, at))
