"""Records that were opened a moment ago: a clinician's system asks ten questions about one person.

Opening a record of 500 resources costs a millisecond and a half, nearly all of it in 500 small
decryptions. What was opened is kept in this process for a minute, bounded in size, and used only
while the person's revision, read in the same transaction, is the one that it was opened at: every
change of a record, in whatever process, makes a new revision. Nothing is decided here: consent sees
every entry of every answer all the same.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from threading import Lock

from sqlalchemy import Connection

from scr.fhir.entry import Entry, about, versioned_by_content
from scr.fhir.person import PERSON_SOURCE
from scr.store.keys import KeyRing
from scr.store.people import Person
from scr.store.records import load_record

SECONDS = 60.0
MAX_BYTES = 32 * 2**20
_HEAD_BYTES = 600
"""What the typed fields of an entry come to in memory, about."""

_BY_TYPE_AND_ID = attrgetter("type", "id")


@dataclass(frozen=True, slots=True)
class _Opened:
    revision: tuple[tuple[str, int], ...]
    until: float
    size: int
    entries: tuple[Entry, ...]


class RecentRecords:
    """The records that were opened last. Threads may share one."""

    def __init__(
        self,
        *,
        seconds: float = SECONDS,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._opened: OrderedDict[str, _Opened] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def load(
        self, connection: Connection, keys: KeyRing, person: Person, linked: Sequence[Person] = ()
    ) -> tuple[Entry, ...]:
        """Every current entry of a person, by type and id; and of those linked with them, as theirs.

        All must have been read in this transaction: their revisions say what is current.
        """
        now = self._clock()
        revision = tuple((each.key, each.revision) for each in (person, *linked))
        with self._lock:
            known = self._opened.get(person.key)
            if known is not None and known.revision == revision and now < known.until:
                self._opened.move_to_end(person.key)
                return known.entries
        found = load_record(connection, keys, person)
        for other in linked:
            theirs = load_record(connection, keys, other)
            found += [about(entry, other.patient_id, person.patient_id) for entry in theirs]
        entries = tuple(sorted(map(_versioned, found), key=_BY_TYPE_AND_ID))
        size = sum(len(entry.body) + _HEAD_BYTES for entry in entries)
        self._keep(person.key, _Opened(revision, now + self._seconds, size, entries), now)
        return entries

    @property
    def size(self) -> int:
        """Bytes that it holds now, about."""
        return self._size

    def sweep(self) -> None:
        """Let go of what is over its time, so that nothing stays in memory because nobody asked."""
        with self._lock:
            self._drop_old(self._clock())

    def _keep(self, key: str, opened: _Opened, now: float) -> None:
        with self._lock:
            self._forget(key)
            self._drop_old(now)
            if opened.size > self._max_bytes:
                return
            self._opened[key] = opened
            self._size += opened.size
            while self._size > self._max_bytes:
                self._forget(next(iter(self._opened)))

    def _drop_old(self, now: float) -> None:
        for key in [key for key, opened in self._opened.items() if opened.until <= now]:
            self._forget(key)

    def _forget(self, key: str) -> None:
        before = self._opened.pop(key, None)
        if before is not None:
            self._size -= before.size


def _versioned(entry: Entry) -> Entry:
    return entry if entry.source == PERSON_SOURCE else versioned_by_content(entry)
