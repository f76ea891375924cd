"""What may go out before all is known: entries whose redaction nothing that comes later can change.

An entry that refers to another may go out with its reference only if the other goes out too
(docs/adr/0012-redaction.md). While sources still answer, nobody can tell whether a target that is not there
is withheld, in no source, or on its way. Such an entry waits until all is known, whichever of these it is,
so that waiting tells nothing; every other one can go at once, and as it will be in the whole
(docs/adr/0016-streaming.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scr.fhir.entry import Entry
from scr.fhir.redact import Permits, named_by, redacted, without_closed_parts


class Settling:
    """Permitted entries as they come. ``beside``: references that may stand though nothing here is their
    target; ``permits`` decides on contained resources, as for ``redacted``."""

    def __init__(self, beside: Iterable[str], permits: Permits) -> None:
        self._there = set(beside)
        self._permits = permits
        self._waiting: list[tuple[Entry, set[str]]] = []

    def add(self, permitted: Sequence[Entry]) -> list[Entry]:
        """What may go out now, of these and of those that waited, redacted; each goes out once."""
        for entry in permitted:
            left = without_closed_parts(entry, self._permits)
            if left is not None:
                self._waiting.append((left, named_by(left)))
        ready = self._closed()
        self._there.update(entry.reference for entry in ready)
        return redacted(ready, self._there, self._permits)

    def _closed(self) -> list[Entry]:
        """Take out the most of those that wait that refer to nothing but each other and what is there."""
        ready = self._waiting
        while True:
            there = self._there | {entry.reference for entry, _ in ready}
            left = [one for one in ready if one[1] <= there]
            if len(left) == len(ready):
                break
            ready = left
        gone = {entry.id for entry, _ in ready}
        self._waiting = [one for one in self._waiting if one[0].id not in gone]
        return [entry for entry, _ in ready]
