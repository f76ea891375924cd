"""What was contributed here to a person's record: kept, by version, with all that others sent of them.

A contribution is a resource of its author's organisation. What tells it from what that organisation's
systems send is its id (``scr.fhir.contributed.MARK``), and what it says of itself in ``meta.tag``.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from scr.consent.label_policy import LabelPolicy
from scr.errors import NotFound, PreconditionFailed
from scr.fhir.contributed import is_contribution
from scr.fhir.entry import Entry, versioned_by_content
from scr.store.filing import file_in_view
from scr.store.keys import KeyRing
from scr.store.labelled import with_labels
from scr.store.people import Person, lock_person, person_by_key
from scr.store.records import load_entry, load_some


@dataclass(frozen=True, slots=True)
class Kept:
    """A contribution, and whose record it stands on. The entry's version is the store's own count."""

    person: Person
    entry: Entry


def find(connection: Connection, keys: KeyRing, kind: str, logical: str) -> Kept | None:
    """The contribution of a type with an id; None where there is none, whatever else has that id."""
    if not is_contribution(logical):
        return None
    found = load_entry(connection, keys, logical)
    return Kept(*found) if found is not None and found[1].type == kind else None


def contributed_by(connection: Connection, person: Person, kind: str, source: str) -> list[Entry]:
    """What an organisation has contributed of a type to a person's record, as it is served."""
    found = load_some(connection, person, kind)
    return [versioned_by_content(e) for e in found if is_contribution(e.id) and e.source == source]


def keep(
    connection: Connection,
    keys: KeyRing,
    person: Person,
    entry: Entry,
    labels: LabelPolicy,
    now: int,
    *,
    after: str = "",
) -> Entry:
    """Keep a contribution (fresh from ``pack``) on a person's record, labelled by what it belongs with.

    It is the version after the one that the store counts as ``after``; the first where that is empty. It is
    given back as it is served. Raises PreconditionFailed where another version is there by now, NotFound
    where the person was erased.
    """
    there = person_by_key(connection, keys, person.key) if lock_person(connection, person) else None
    if there is None:
        raise NotFound("the person is not held any more", code="no-person")
    present = load_entry(connection, keys, entry.id)
    if (present[1].version if present else "") != after:
        raise PreconditionFailed(
            "somebody else has changed it: read it again, and send If-Match with what its ETag is now",
            code="stale-version",
        )
    [mine], others = with_labels(connection, keys, there, [entry], labels)
    file_in_view(connection, keys, there, [mine], now)
    if others:
        file_in_view(connection, keys, there, others, now)
    kept = load_entry(connection, keys, entry.id)
    if kept is None:
        raise NotFound("the person is not held any more", code="no-person")
    return versioned_by_content(kept[1])
