"""What is in a payload, and what has come of it so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from scr.decode.tree import BadUnit, DecodeError, Unit
from scr.errors import ScrError
from scr.intake.file_unit import FiledUnit, Nothing, Problem, UnitOutcome
from scr.mapping import counts
from scr.mapping.adapter import Adapter
from scr.mapping.counts import Counted
from scr.store.messages import MessageState
from scr.store.people import Person
from scr.terminology.gapwords import Met, SharedTexts


@dataclass(frozen=True, slots=True)
class Totals:
    """What has come of a payload's units so far."""

    filed: int = 0
    problems: tuple[Problem, ...] = ()
    people: frozenset[str] = frozenset()
    person: Person | None = None
    losses: Counter[Counted] = field(default_factory=Counter)
    gaps: Counter[Met] = field(default_factory=Counter)

    def and_all(self, outcomes: Iterable[UnitOutcome]) -> Totals:
        """With what came of further units. Whose they are is remembered as far as it is one person."""
        outcomes = list(outcomes)
        problems = [one for one in outcomes if isinstance(one, Problem)]
        filed = [one for one in outcomes if isinstance(one, FiledUnit)]
        people = self.people
        if len(people) < 2:
            people |= {one.person.key for one in filed}
        return replace(
            self,
            filed=self.filed + len(filed),
            problems=(*self.problems, *problems),
            people=people,
            person=filed[-1].person if filed else self.person,
        )

    @property
    def state(self) -> MessageState:
        if not self.problems:
            return MessageState.FILED
        return MessageState.QUARANTINED

    def counts(self) -> dict[str, int]:
        return {"filed": self.filed, "quarantined": len(self.problems)}

    def only_person(self) -> Person | None:
        """The one person that the whole payload is about, so that erasing them erases it."""
        return self.person if len(self.people) == 1 and not self.problems else None


def units_of(adapter: Adapter, raw: bytes) -> Iterator[Unit | BadUnit]:
    """The units of a payload; one that cannot be decoded at all is one bad unit."""
    try:
        yield from adapter.units(raw)
    except DecodeError as error:
        yield BadUnit(error.where or "payload", raw, error)
    except ScrError as error:
        yield BadUnit("payload", raw, DecodeError(str(error), code=error.code))


def counted_of(outcomes: Iterable[UnitOutcome]) -> Iterator[Counted]:
    """What the outcomes of units add to the counts."""
    for outcome in outcomes:
        if isinstance(outcome, Nothing | Problem):
            yield from counts.refused(outcome.code)
        else:
            yield from counts.filed(outcome.mapped)
            yield from counts.late(outcome.filed.older)


def gaps_of(outcomes: Iterable[UnitOutcome], texts: SharedTexts) -> Iterator[Met]:
    """The codes of what was filed that have no national code beside them."""
    for outcome in outcomes:
        if isinstance(outcome, FiledUnit):
            for found in outcome.mapped.untranslated:
                yield texts.met(found, outcome.person.patient_id)
