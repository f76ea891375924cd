"""A record that an actor may open, before anything of it is asked for: what is decided of its entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scr.broker.known import Known
from scr.consent.decide import AccessRequest, Obligation, Ruling
from scr.fhir.attached import BINARY
from scr.fhir.entry import Entry
from scr.fhir.redactions import Redactions
from scr.fhir.restricted import core, may_go
from scr.fhir.settled import Settling
from scr.spans import within


@dataclass(frozen=True, slots=True)
class Admitted:
    """A person's record that an actor may open, and what is decided of it. Nothing is asked for yet."""

    known: Known
    request: AccessRequest
    ruling: Ruling

    @property
    def hides(self) -> bool:
        """Whether the actor must not learn where the person is."""
        return Obligation.HIDE_WHEREABOUTS in self.ruling.whole.obligations

    @within("decide entries")
    def permitted(
        self, entries: Sequence[Entry], named: Sequence[Entry] = (), before: Redactions | None = None
    ) -> list[Entry]:
        """The entries that the actor may see, without what they say of those that the actor may not.

        ``named`` are others that may be referred to, as far as the actor may see them. ``before`` are
        redactions of the same record.
        """
        beside = frozenset(f"Patient/{person.patient_id}" for person in self.known.view)
        redact = (before or Redactions()).redacted
        permitted = redact(
            self.ruling.permitted(entries), beside, self.ruling.permitted(named), self.ruling.permits
        )
        return core(permitted) if self.hides else permitted

    def settling(self) -> Settling:
        """For entries that are to go out before all is known (``early``)."""
        beside = [f"Patient/{person.patient_id}" for person in self.known.view]
        return Settling(beside, self.ruling.permits)

    def early(self, settling: Settling, entries: Sequence[Entry]) -> list[Entry]:
        """What may go out now: of entries that just came, and of those that came before and had to wait.

        The contents of documents wait until it is known that their document goes out.
        """
        shown = settling.add(self.ruling.permitted([one for one in entries if one.type != BINARY]))
        return core(shown) if self.hides else shown

    def may_see(self, entry: Entry) -> bool:
        """Whether the actor may see anything of an entry, by its head."""
        return self.ruling.permits(entry) and (may_go(entry) or not self.hides)
