"""The units of one payload, filed some to a transaction; what cannot be filed is in quarantine with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from scr.decode.tree import BadUnit, Unit
from scr.faults import reach
from scr.fhir.identifiers import OdsCode
from scr.identity import heard, index
from scr.identity.pds.facts import Invalidated, Superseded
from scr.identity.sought import Seeking, Sought, found, seek
from scr.intake.ahead.known import NOTHING, Ahead
from scr.intake.checking import UNTRUSTED, UNTRUSTED_SENTENCE, Answers
from scr.intake.drift import DRIFT
from scr.intake.file_unit import Desk, Nothing, Problem, UnitOutcome
from scr.intake.together import file_rows
from scr.intake.totals import Totals, counted_of, gaps_of
from scr.mapping.adapter import Adapter
from scr.store import gaps, losses, messages, quarantine
from scr.store.keys import DataKey, KeyRing
from scr.terminology.gapwords import SharedTexts

EVENTS = frozenset({"hl7v2", "edifact"})
"""Formats whose payloads are events with an identity of their own: the same again is the same event."""

BATCH = 60
"""Units in one transaction: more would keep an audit row waiting behind a long file."""


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload that is kept, and who files it. ``held`` is why none of it may be filed; mostly empty.
    ``key`` is the payload's own, where it came now."""

    keys: KeyRing
    desk: Desk
    texts: SharedTexts
    clock: Callable[[], int]
    message: str
    provider: OdsCode
    adapter: Adapter
    held: str = ""
    key: DataKey | None = field(default=None, repr=False)

    def file(
        self,
        conn: Connection,
        *,
        batch: Sequence[Unit | BadUnit],
        before: Totals,
        last: bool,
        answers: Answers,
        ahead: Ahead = NOTHING,
    ) -> Totals | None:
        """File some units; with the last of them the payload is finished. Gives what has come of all so far;
        None where somebody else has finished it. ``ahead`` is what is known of the units already."""
        asked = messages.ask_for(conn, self.message)
        ahead, seeking = self._seek(conn, batch, answers, ahead)
        key = messages.take(conn, self.keys, self.message, asked, self.key)
        if key is None:
            return None
        sought = None if seeking is None else found(conn, self.keys, seeking)
        reach("intake.filing")
        now = self.clock()
        outcomes = self._outcomes(conn, batch, answers, now, ahead, sought)
        self._set_aside(conn, batch, outcomes, before.filed + len(before.problems), now)
        totals = replace(
            before.and_all(outcomes),
            losses=before.losses + Counter(counted_of(outcomes)),
            gaps=before.gaps + Counter(gaps_of(outcomes, self.texts)),
        )
        if last:  # with the message's end, so that one that is begun anew is not counted twice
            losses.add(conn, self.provider, self.adapter.name, now, totals.losses)
            gaps.add(conn, self.provider, now, totals.gaps)
            only = totals.only_person()
            reach("intake.finishing")
            counts, read_by = totals.counts(), self.adapter.fingerprint
            messages.finish(
                conn, self.keys, self.message, totals.state, counts, only, key=key, adapter=read_by
            )
        return totals

    def _seek(
        self, conn: Connection, batch: Sequence[Unit | BadUnit], answers: Answers, ahead: Ahead
    ) -> tuple[Ahead, Seeking | None]:
        """Ask the index about a message of one unit, together with the message; and what it claims."""
        if len(batch) != 1 or self.adapter.decode.format not in EVENTS or not isinstance(batch[0], Unit):
            return ahead, None
        unit = batch[0]
        stated = self.desk.claimed(self.adapter, unit)
        if isinstance(stated, Problem):
            return ahead, None
        known = replace(ahead, claims={unit.place: stated})
        if stated.nothing or stated.declined or self._stopped(unit, answers):
            return known, None
        facts = answers.facts or self.desk.facts
        if isinstance(facts.get(stated.nhs_number) if stated.nhs_number else None, Invalidated | Superseded):
            return known, None  # that is taken up first
        return known, seek(conn, self.keys, self.provider, stated)

    def outcomes(
        self, conn: Connection, units: Sequence[Unit | BadUnit], answers: Answers
    ) -> list[UnitOutcome]:
        """File units by themselves, and count them; the payload stays as it is."""
        now = self.clock()
        outcomes = self._outcomes(conn, units, answers, now)
        losses.add(conn, self.provider, self.adapter.name, now, Counter(counted_of(outcomes)))
        gaps.add(conn, self.provider, now, Counter(gaps_of(outcomes, self.texts)))
        return outcomes

    def _outcomes(
        self,
        conn: Connection,
        units: Sequence[Unit | BadUnit],
        answers: Answers,
        now: int,
        ahead: Ahead = NOTHING,
        sought: Sought | None = None,
    ) -> list[UnitOutcome]:
        """What comes of each unit: in quarantine for what is known of it already, or filed if it can be."""
        heard.out_of_use(conn, self.keys, answers.facts, now)
        facts = answers.facts or self.desk.facts
        desk = replace(self.desk, facts=facts, ahead=ahead, sought=sought, message=self.message)
        stopped = {at: why for at, unit in enumerate(units) if (why := self._stopped(unit, answers))}
        free = [unit for at, unit in enumerate(units) if at not in stopped] if stopped else units
        if self.adapter.decode.format in EVENTS:
            filed = [desk.file(conn, self.provider, self.adapter, unit, now) for unit in free]
        else:
            filed = file_rows(desk, conn, self.provider, self.adapter, free, now)
        if not stopped:
            return filed
        others = iter(filed)
        return [stopped[at] if at in stopped else next(others) for at in range(len(units))]

    def _stopped(self, unit: Unit | BadUnit, answers: Answers) -> Problem | None:
        """Why a unit is not even tried: its payload is held back, or the register does not tell enough."""
        if self.held and isinstance(unit, Unit):
            return Problem(unit.place, DRIFT, self.held)
        claimed = answers.untrusted.get(unit.place)
        if claimed is None:
            return None
        return Problem(unit.place, UNTRUSTED, UNTRUSTED_SENTENCE, claimed)

    def _set_aside(
        self,
        conn: Connection,
        units: Sequence[Unit | BadUnit],
        outcomes: Sequence[UnitOutcome],
        number: int,
        now: int,
    ) -> None:
        """Put what was not filed into quarantine, numbered as it stands in the payload."""
        for unit, outcome in zip(units, outcomes, strict=True):
            number += not isinstance(outcome, Nothing)
            if isinstance(outcome, Problem):
                whose = outcome.claimed
                quarantine.quarantine(
                    conn,
                    self.keys,
                    self.message,
                    self.adapter.name,
                    outcome.place,
                    outcome.code,
                    outcome.sentence,
                    unit.raw,
                    now,
                    number=number,
                    claimed=None if whose is None else index.token_of(self.keys, whose),
                )
                reach("intake.quarantined")
