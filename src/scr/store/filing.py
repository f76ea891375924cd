"""Entries onto a person's record, version by version: what is as it was writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from scr.errors import Conflict, NotFound
from scr.fhir.entry import Entry, about, stamp
from scr.store.driver import run, run_many, send, some, written
from scr.store.filed_under import joined
from scr.store.keys import KeyRing
from scr.store.moving import owners
from scr.store.people import Person, lock_person, revise, view_of
from scr.store.records import digest_of, row_of

_CHUNK = 500

_COLUMNS = "person, id, version, type, source, last_updated, digest, sealed, filed_under, told, message"
_WHOSE = some(
    "SELECT id, person, type, version, digest, filed_under, told, last_updated, message"
    " FROM resource WHERE person = ? AND id IN ({marks})"
    " UNION ALL SELECT id, person, type, 0, NULL, NULL, NULL, 0, NULL FROM held WHERE id IN ({marks})"
    " UNION ALL SELECT id, person, type, 0, NULL, NULL, NULL, 0, NULL FROM locator WHERE id IN ({marks})"
)
"""What the person has under these ids; and, with a version of 0, whose each is that is held or was served."""

_TO_HISTORY = some(
    f"INSERT INTO resource_history ({_COLUMNS})"  # noqa: S608 - our own names of columns
    f" SELECT {_COLUMNS} FROM resource WHERE person = ? AND id IN ({{marks}})"
)
_OUT = some("DELETE FROM resource WHERE person = ? AND id IN ({marks})")
_VALUES = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
_IN = written(f"INSERT INTO resource ({_COLUMNS}) VALUES ({_VALUES})")  # noqa: S608 - the same
_HOLD = written("INSERT INTO held (id, type, person, source) VALUES (?, ?, ?, ?)")
_AGAIN = written("UPDATE resource SET filed_under = ?, told = ? WHERE person = ? AND id = ?")


@dataclass(frozen=True, slots=True)
class Filed:
    """How many entries were new, were new versions, and were there already as they are.

    ``older``: how many say what was so before the version that is held; that one stays.
    """

    created: int
    updated: int
    unchanged: int
    older: int = 0


class Told(NamedTuple):
    """When something was so, ms UTC: ``at`` by its sender's own clock, ``received`` by ours, where that was
    not now. 0: not known. ``message`` is the one that said it, by its id in the store."""

    at: int = 0
    received: int = 0
    message: str = ""


NOW = Told()


@dataclass(frozen=True, slots=True)
class _Known:
    """What is held under an id."""

    version: int
    digest: bytes
    filed_under: bytes
    told: int = 0
    last_updated: int = 0
    message: str = ""

    def is_newer(self, than: Told) -> bool:
        """Whether it was told, or came, after ``than``: one clock is compared with itself only."""
        if than.at:
            return than.at < self.told
        return 0 < than.received < self.last_updated


_NEW = _Known(0, b"", b"")


def file_entries(
    connection: Connection,
    keys: KeyRing,
    person: Person,
    entries: Sequence[Entry],
    now: int,
    under: bytes = b"",
    told: Told = NOW,
) -> Filed:
    """File entries onto a person's record, each stamped with its version and ``now`` (ms UTC).

    An entry as it is held already writes nothing. A changed one becomes the next version and the old
    one goes to the history. The entries must be fresh from ``fhir.entry.pack``. ``under`` are the local
    identifiers that they came under (``scr.store.filed_under``). What is held and was ``told`` later stays:
    a message that was late is no news. Raises Conflict ``other-person`` where
    an id is on another person's record, and files nothing then; NotFound where the person was erased.
    """
    if not lock_person(connection, person):
        raise NotFound("the person is not held any more", code="no-person")
    digest_key = person.data_key.digest_key()
    done = Filed(0, 0, 0)
    for each_once in _without_repeats(entries):
        done = plus(done, _file(connection, person, each_once, digest_key, now, under, told))
    if done.created or done.updated:
        revise(connection, person)
    return done


def _file(
    connection: Connection,
    person: Person,
    entries: Sequence[Entry],
    digest_key: bytes,
    now: int,
    under: bytes,
    told: Told,
) -> Filed:
    """File entries of different ids: what is replaced goes to the history, then the new rows come in."""
    held = _held(connection, person, entries)
    fresh: list[tuple[object, ...]] = []
    new: list[tuple[object, ...]] = []
    replaced: list[str] = []
    again: list[tuple[object, ...]] = []
    older = 0
    for entry in entries:
        known = held.get(entry.id, _NEW)
        both = joined(known.filed_under, under)
        digest = digest_of(entry, digest_key)
        at = max(told.at, known.told)
        if digest == known.digest:
            if both != known.filed_under or at != known.told:
                again.append((both or None, at or None, person.key, entry.id))
            continue
        if known.is_newer(told):
            older += 1
            continue
        if known.version:
            replaced.append(entry.id)
        else:
            new.append((entry.id, entry.type, person.key, entry.source))
        version = known.version + 1
        # What is made here of what was held is still what its message said.
        message = told.message or known.message
        row = row_of(person, stamp(entry, str(version), now), version, digest, both, told.at, message)
        fresh.append(tuple(row.values()))
    if again:
        run_many(connection, _AGAIN, again)
    if replaced:
        send(connection, _TO_HISTORY(len(replaced)), (person.key, *replaced))
        send(connection, _OUT(len(replaced)), (person.key, *replaced))
    if new:
        run_many(connection, _HOLD, new)
    if fresh:
        run_many(connection, _IN, fresh)
    unchanged = len(entries) - len(fresh) - older
    return Filed(len(fresh) - len(replaced), len(replaced), unchanged, older)


def _without_repeats(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """The entries in their order, cut where an id comes again, and where a statement would grow too long."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.id in found or len(found) == _CHUNK:
            yield list(found.values())
            found = {}
        found[entry.id] = entry
    if found:
        yield list(found.values())


def plus(one: Filed, other: Filed) -> Filed:
    """Both together."""
    return Filed(
        one.created + other.created,
        one.updated + other.updated,
        one.unchanged + other.unchanged,
        one.older + other.older,
    )


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


def _held(connection: Connection, person: Person, entries: Sequence[Entry]) -> dict[str, _Known]:
    """What is held under these ids; Conflict where one is another person's, or type's."""
    found: dict[str, _Known] = {}
    kinds = {entry.id: entry.type for entry in entries}
    rows = run(connection, _WHOSE(len(kinds)), (person.key, *kinds, *kinds, *kinds)).fetchall()
    for logical, owner, kind, version, digest, under, told, updated, message in rows:
        if owner != person.key:
            raise Conflict(
                "the resource is on another person's record; nothing was filed",
                code="other-person",
                where=kind,
            )
        if kind != kinds[logical]:
            raise Conflict("an id is held with another resource type", code="other-type", where=kind)
        if version:
            marks = bytes(under or b"")
            found[logical] = _Known(version, bytes(digest), marks, told or 0, updated, message or "")
    return found
