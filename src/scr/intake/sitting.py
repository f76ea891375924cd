"""What the units of one transaction have told already, so that it is neither looked up nor written again.

A file has many rows about one person, each with all that is known of them: their address stands in every
one. Within a transaction what was written is there, and the person's row is held, so that the same word
again changes nothing. Where a unit is undone, all of it is forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scr.fhir.entry import Entry
from scr.mapping.run import Claim
from scr.store.people import Person


@dataclass(slots=True)
class Sitting:
    """One transaction's memory. It holds the person of the last unit, and what was filed of them."""

    _claim: Claim | None = None
    _person: Person | None = None
    _filed: dict[str, bytes] = field(default_factory=dict)

    def whose(self, stated: Claim) -> Person | None:
        """The person of the last unit, where this one claims word for word the same."""
        return self._person if stated == self._claim else None

    def news(self, person: Person, entries: Sequence[Entry]) -> list[Entry]:
        """The entries that are not, as they are, the last that was filed under their ids."""
        if self._person is None or person.key != self._person.key:
            return list(entries)
        return [entry for entry in entries if self._filed.get(entry.reference) != entry.body]

    def keep(self, stated: Claim, person: Person, entries: Sequence[Entry]) -> None:
        """A unit is on its person's record, with these entries as ``news`` was asked of them."""
        if self._person is None or person.key != self._person.key:
            self._filed.clear()
        self._claim, self._person = stated, person
        self._filed.update((entry.reference, entry.body) for entry in entries)

    def forget(self) -> None:
        """A unit was undone, or changed records in another way."""
        self._claim = self._person = None
        self._filed.clear()
