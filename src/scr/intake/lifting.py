"""A wrong label lifted from what is held of a person, and put back: by a human, with a reason, in the audit.

The record is written anew in the transaction that says so: what has another label is a new version, how far
the label goes is worked out again from what is held, and a live source's answers follow with the next look.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from msgspec import structs
from sqlalchemy import Connection

from scr.consent.lifts import Lift, check_lift, in_force
from scr.consent.policy import Policy
from scr.errors import Conflict, Invalid, NotFound
from scr.fhir.identifiers import NHSNumber
from scr.identity import index
from scr.store.engine import Database
from scr.store.filing import file_in_view
from scr.store.keys import KeyRing
from scr.store.labelled import forget_label, relabelled_record
from scr.store.people import Person, keep_facts, lock_person, revise, view_of
from scr.store.trail import AuditRow, append


@dataclass(frozen=True, slots=True)
class Lifting:
    """Lifts labels. ``clock`` gives ms UTC."""

    database: Database
    keys: KeyRing
    policy: Policy
    clock: Callable[[], int]

    def lift(self, number: NHSNumber, label: str, of: str, *, by: str, reason: str) -> int:
        """Lift a label of an entry or a code (``scr.consent.lifts``); how many held entries are others now.

        Raises Invalid where it may not be lifted, or nobody says why; Conflict where it is lifted already.
        """
        check_lift(self.policy.labels, label, of)
        made = Lift(label, of, _said(by, "by"), _said(reason, "reason"), self.clock())

        def work(conn: Connection) -> int:
            person = self._held(conn, number)
            if any((one.label, one.of) == (label, of) for one in in_force(person.lifts)):
                raise Conflict("it is lifted already", code="already-lifted")
            after = replace(person, lifts=(*person.lifts, made))
            keep_facts(conn, after)
            forget_label(conn, self.keys, after, label)
            changed = relabelled_record(conn, self.keys, after, self.policy.labels)
            file_in_view(conn, self.keys, after, changed, made.at)
            return self._done(conn, after, made, "label lift", by, len(changed))

        return self.database.write_now(work)

    def put_back(self, number: NHSNumber, label: str, of: str, *, by: str, reason: str) -> int:
        """End a lift: what the codes bring stands again; how many held entries are others now.

        Raises NotFound where nothing of the kind is lifted.
        """
        now, name, why = self.clock(), _said(by, "by"), _said(reason, "reason")

        def work(conn: Connection) -> int:
            person = self._held(conn, number)
            over = [one for one in in_force(person.lifts) if (one.label, one.of) == (label, of)]
            if not over:
                raise NotFound("this label is not lifted there", code="not-lifted")
            ended = structs.replace(over[0], ended=now, ended_by=name, ended_reason=why)
            after = replace(person, lifts=tuple(ended if one is over[0] else one for one in person.lifts))
            keep_facts(conn, after)
            changed = relabelled_record(conn, self.keys, after, self.policy.labels)
            file_in_view(conn, self.keys, after, changed, now)
            return self._done(conn, after, over[0], "label put back", by, len(changed))

        return self.database.write_now(work)

    def lifts(self, number: NHSNumber, *, by: str) -> tuple[Lift, ...]:
        """What was lifted for a person, the oldest first, with what was put back. That it was read is
        audited."""
        name = _said(by, "by")

        def work(conn: Connection) -> tuple[Lift, ...]:
            person = self._held(conn, number)
            append(conn, self._row(person, "label lifts", name, {}))
            return person.lifts

        return self.database.write_now(work)

    def _held(self, conn: Connection, number: NHSNumber) -> Person:
        person = index.find(conn, self.keys, number)
        if person is None or not lock_person(conn, person):
            raise NotFound("nobody with this number is held", code="no-such-person")
        return index.find(conn, self.keys, number) or person

    def _done(self, conn: Connection, person: Person, lift: Lift, what: str, by: str, changed: int) -> int:
        """Without the reason, which may tell of the person: it is sealed with the record."""
        for one in view_of(conn, self.keys, person):
            revise(conn, one)
        said = {"label": lift.label, "of": lift.of, "entries": str(changed)}
        append(conn, self._row(person, what, by, said))
        return changed

    def _row(self, person: Person, what: str, by: str, details: dict[str, str]) -> AuditRow:
        return AuditRow(
            at=self.clock(),
            actor=by,
            actor_name=by,
            action="R" if what == "label lifts" else "U",
            what=what,
            outcome="success",
            person=person.key,
            policy=self.policy.hash,
            details=details,
        )


def _said(text: str, where: str) -> str:
    """A name or a reason. Raises Invalid where there is none."""
    if not text.strip():
        raise Invalid("say who does it, and why", code="no-reason", where=f"--{where}")
    return text.strip()
