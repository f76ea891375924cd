"""What is stored, coded anew with the maps in force: the same as if it had come in today.

Person by person, each in a transaction of its own: what was added to a resource by an older map is taken
back, what the maps give now is added, and the labels follow. A resource that is another by it becomes a
new version; what the source sent in it stays as it is. A second run changes nothing, and one that was
stopped goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import orjson
import structlog
from sqlalchemy import Connection

from scr.consent.label_policy import LabelPolicy
from scr.errors import Conflict, Fault
from scr.fhir.entry import Entry, pack, unstamped
from scr.fhir.identifiers import OdsCode
from scr.mapping.meaning import Step
from scr.store import remaps
from scr.store.engine import Database
from scr.store.filing import file_entries
from scr.store.keys import KeyRing
from scr.store.labelled import with_labels
from scr.store.people import Person, lock_person, person_by_key
from scr.store.records import load_record
from scr.store.remaps import Run

_CHUNK = 200
_ATTEMPTS = 5
_log = structlog.get_logger("scr.intake")


@dataclass(frozen=True, slots=True)
class Remap:
    """A run over the store. ``steps`` are those of the coder (``Coder.again``) and of the labeller.

    ``provider`` keeps it to what one provider sent. ``clock`` gives ms UTC.
    """

    database: Database
    keys: KeyRing
    steps: Sequence[Step]
    clock: Callable[[], int]
    provider: OdsCode | None = None
    labels: LabelPolicy = field(default_factory=LabelPolicy)

    def begin(self, maps: str) -> tuple[Run, int]:
        """The run, a new one or the stopped one, and how many people are left; ``maps``: what is in force."""
        scope = "" if self.provider is None else self.provider.value
        stopped = self.database.read_now(partial(remaps.unfinished, scope=scope, maps=maps))
        run = stopped or Run(scope, maps, self.clock())
        return run, self.database.read_now(partial(remaps.count_after, position=run.position))

    def go_on(self, run: Run) -> Run:
        """Do the next people, and keep how far it is. It is ``finished`` where none are left."""
        some = self.database.read_now(partial(remaps.people_after, position=run.position, limit=_CHUNK))
        for key in some:
            done = self._person(key)
            run = replace(
                run,
                position=key,
                people=run.people + 1,
                resources=run.resources + (done[0] if done else 0),
                changed=run.changed + (done[1] if done else 0),
                left=run.left + (done is None),
            )
        if not some:
            run = replace(run, finished=self.clock())
        self.database.write_now(partial(remaps.note, run=run))
        return run

    def _person(self, key: str) -> tuple[int, int] | None:
        """How many resources a person has, and how many changed; None where they could not be done."""
        try:
            for _ in range(_ATTEMPTS):
                done = self._try(key)
                if done is not None:
                    return done
        except (Fault, ValueError) as error:  # a row that was changed: the others are done
            _log.error("not remapped", why=error.code if isinstance(error, Fault) else "not as it was filed")
        return None

    def _try(self, key: str) -> tuple[int, int] | None:
        read = self.database.read_now(partial(self._read, key=key))
        if read is None:
            return 0, 0
        person, held = read
        changed = self._changed(held)
        if not changed:
            return len(held), 0
        try:
            filed = self.database.write_now(partial(self._file, person=person, changed=changed))
        except Conflict:
            return None
        return None if filed is None else (len(held), filed)

    def _read(self, conn: Connection, key: str) -> tuple[Person, list[Entry]] | None:
        person = person_by_key(conn, self.keys, key)
        sources = None if self.provider is None else [self.provider]
        return None if person is None else (person, load_record(conn, self.keys, person, sources))

    def _changed(self, held: Sequence[Entry]) -> list[Entry]:
        """The entries that are others with the maps in force, fresh from ``pack``: source by source."""
        by_source: dict[str, list[Entry]] = {}
        for entry in sorted(held, key=lambda each: each.id):
            by_source.setdefault(entry.source, []).append(unstamped(entry))
        return [made for entries in by_source.values() for made in self._again(entries)]

    def _again(self, entries: list[Entry]) -> list[Entry]:
        before = [orjson.loads(entry.body) for entry in entries]
        resources = list(before)
        for step in self.steps:
            step(resources)
        now, changed = self.clock(), []
        for entry, old, new in zip(entries, before, resources, strict=True):
            if new is old:
                continue
            made = pack(new, source=entry.source, now=now)
            if made.body != entry.body:
                changed.append(made)
        return changed

    def _file(self, conn: Connection, person: Person, changed: list[Entry]) -> int | None:
        """File what changed; None where the record is another by now than it was read."""
        if not lock_person(conn, person):
            return 0
        latest = person_by_key(conn, self.keys, person.key)
        if latest is None or latest.revision != person.revision:
            return None
        entries, others = with_labels(conn, self.keys, latest, changed, self.labels)
        now = self.clock()
        filed = file_entries(conn, self.keys, latest, entries, now)
        if others:
            file_entries(conn, self.keys, latest, others, now)
        return filed.updated
