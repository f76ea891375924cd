"""Records that were opened a moment ago: a clinician's system asks ten questions about one person.

Opening a record of 500 resources costs a millisecond and a half, nearly all of it in 500 small
decryptions. What was opened is kept in this process for a minute, bounded in size, and used only
while the person's revision, read in the same transaction, is the one that it was opened at: every
change of a record, in whatever process, makes a new revision. Nothing is decided here: consent sees
every entry of every answer all the same. What was worked out of a record goes with it (``Workings``).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from threading import Lock
from typing import TypeVar, cast

from sqlalchemy import Connection

from scr.consent.decided import Before
from scr.fhir.entry import Entry, about, versioned_by_content
from scr.fhir.person import PERSON_SOURCE
from scr.fhir.redactions import Redactions
from scr.store.keys import KeyRing
from scr.store.people import Person
from scr.store.records import load_record

SECONDS = 60.0
MAX_BYTES = 32 * 2**20
_HEAD_BYTES = 600
"""What the typed fields of an entry come to in memory, about."""

T = TypeVar("T")
_BY_TYPE_AND_ID = attrgetter("type", "id")
_FEW = 4


class Workings:
    """What was worked out of a record: given again where all that it hangs on is equal, made anew where not.

    So nothing of it can be out of date, whatever has changed meanwhile. It is let go of with the record.
    """

    def __init__(self) -> None:
        self.redactions = Redactions()
        self.decided = Before()
        self._made: dict[str, tuple[tuple[object, Sequence[Entry]], ...]] = {}
        self._noted: dict[str, tuple[object, object]] = {}
        self._fresh = 0

    def once(self, what: str, of: object, make: Callable[[], Sequence[Entry]]) -> Sequence[Entry]:
        """The entries that are made of ``of``, and of nothing else that ever changes.

        Of each ``what`` the last few are kept.
        """
        kept = self._made.get(what, ())
        for before, made in kept:
            if before == of:
                return made
        fresh = make()
        self._made[what] = ((of, fresh), *kept[: _FEW - 1])
        self._fresh += 1
        return fresh

    def noted(self, what: str, of: object, make: Callable[[], T]) -> T:
        """The same of what is small beside the entries: what was made last of each ``what``."""
        before, made = self._noted.get(what, (None, None))
        if before is None or before != of:
            made = make()
            self._noted[what] = (of, made)
        return cast(T, made)

    @property
    def made(self) -> int:
        """How often something was made anew."""
        return self._fresh + self.redactions.made + self.decided.made

    def weight(self, but: Iterable[Entry]) -> int:
        """Bytes that the entries in it come to, about, without those that are kept anyway."""
        found = {id(entry): entry for entry in (*self.redactions.kept(), *self.decided.kept())}
        found.update((id(one), one) for kept in self._made.values() for _, made in kept for one in made)
        for entry in but:
            found.pop(id(entry), None)
        return _weight(found.values())


@dataclass(slots=True)
class _Opened:
    revision: tuple[tuple[str, int], ...]
    until: float
    size: int
    entries: tuple[Entry, ...]
    by_source: Mapping[str, tuple[Entry, ...]]
    workings: Workings = field(default_factory=Workings)
    weighed: int = 0


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
        return self._load(connection, keys, person, linked).entries

    def by_source(
        self, connection: Connection, keys: KeyRing, person: Person, linked: Sequence[Person] = ()
    ) -> Mapping[str, tuple[Entry, ...]]:
        """What ``load`` gives, by the source that it came from."""
        return self._load(connection, keys, person, linked).by_source

    def kept(self, person: str, revision: int) -> Mapping[str, tuple[Entry, ...]] | None:
        """The same of a person (opaque key) with whom nobody is linked, who was read just now with this
        revision; None where it has to be read."""
        known = self._at(person, ((person, revision),), self._clock())
        return None if known is None else known.by_source

    def _at(self, person: str, revision: tuple[tuple[str, int], ...], now: float) -> _Opened | None:
        """What is kept of a person, if it is of this revision."""
        with self._lock:
            known = self._opened.get(person)
            if known is None or known.revision != revision or now >= known.until:
                return None
            self._opened.move_to_end(person)
            return known

    def _load(
        self, connection: Connection, keys: KeyRing, person: Person, linked: Sequence[Person]
    ) -> _Opened:
        now = self._clock()
        revision = tuple((each.key, each.revision) for each in (person, *linked))
        known = self._at(person.key, revision, now)
        if known is not None:
            return known
        found = load_record(connection, keys, person)
        for other in linked:
            theirs = load_record(connection, keys, other)
            found += [about(entry, other.patient_id, person.patient_id) for entry in theirs]
        entries = tuple(sorted(map(_versioned, found), key=_BY_TYPE_AND_ID))
        opened = _Opened(revision, now + self._seconds, _weight(entries), entries, _by_source(entries))
        self._keep(person.key, opened, now)
        return opened

    def workings(self, person: str) -> Workings:
        """What was worked out of the record that was opened last of a person, by opaque key.

        Of one that is not kept, nothing was, and nothing will be.
        """
        with self._lock:
            known = self._opened.get(person)
            if known is None:
                return Workings()
            if known.weighed != known.workings.made:
                self._weigh(known)
            return known.workings

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
            self._make_room()

    def _weigh(self, opened: _Opened) -> None:
        """Count what has been worked out since as well."""
        opened.weighed = opened.workings.made
        before, opened.size = opened.size, _weight(opened.entries) + opened.workings.weight(opened.entries)
        self._size += opened.size - before
        self._make_room()

    def _make_room(self) -> None:
        while self._size > self._max_bytes:
            self._forget(next(iter(self._opened)))

    def _drop_old(self, now: float) -> None:
        for key in [key for key, opened in self._opened.items() if opened.until <= now]:
            self._forget(key)

    def _forget(self, key: str) -> None:
        before = self._opened.pop(key, None)
        if before is not None:
            self._size -= before.size


def _by_source(entries: Iterable[Entry]) -> dict[str, tuple[Entry, ...]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.source, []).append(entry)
    return {source: tuple(of_one) for source, of_one in found.items()}


def _weight(entries: Iterable[Entry]) -> int:
    return sum(len(entry.body) + _HEAD_BYTES for entry in entries)


def _versioned(entry: Entry) -> Entry:
    return entry if entry.source == PERSON_SOURCE else versioned_by_content(entry)
