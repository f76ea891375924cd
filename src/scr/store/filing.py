"""Filing for somebody who is linked with others: a resource that is in a row already stays in it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from scr.fhir.entry import Entry, about
from scr.store.keys import KeyRing
from scr.store.moving import owners
from scr.store.people import Person, view_of
from scr.store.records import NOW, Filed, Told, file_entries, plus


def file_in_view(
    connection: Connection,
    keys: KeyRing,
    person: Person,
    entries: Sequence[Entry],
    now: int,
    under: bytes = b"",
    told: Told = NOW,
) -> Filed:
    """As ``file_entries``, but the next version of what is a linked person's goes where the last one is.

    So that a link can be undone without a guess (docs/adr/0010-links.md). ``person`` must have been read
    in this transaction.
    """
    if person.view is None:
        return file_entries(connection, keys, person, entries, now, under, told)
    view = view_of(connection, keys, person)
    there = {one.key for one in view}
    at = owners(connection, [entry.id for entry in entries])
    done = Filed(0, 0, 0)
    for one in view:
        # A stranger's id goes with the person's own, and is refused there.
        theirs = [e for e in entries if (at.get(e.id) if at.get(e.id) in there else person.key) == one.key]
        if not theirs:
            continue
        as_theirs = [about(entry, person.patient_id, one.patient_id) for entry in theirs]
        done = plus(done, file_entries(connection, keys, one, as_theirs, now, under, told))
    return done
