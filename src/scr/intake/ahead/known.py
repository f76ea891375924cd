"""What is known of the rows of a file before they are filed: whose they say they are, and what they give.

A row is mapped for the person whom its number finds now, or, where it finds nobody, for the id that the
person gets who is registered for it. When it is filed, that is looked at again: what was made for anybody
else is made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scr.decode.tree import BadUnit, Unit
from scr.fhir.identifiers import NHSNumber
from scr.intake.making import Made
from scr.mapping.coverage import Coverage
from scr.mapping.profile import Profile
from scr.mapping.run import Claim
from scr.store.people import Person
from scr.store.watch import Look


@dataclass(frozen=True, slots=True)
class Ready:
    """What was made of some rows for the person whose Patient has this id."""

    subject: str
    places: tuple[str, ...]
    made: Made


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is known of some rows before they are filed.

    ``claims`` are by place, and so is what is ``ready`` (of the first of its rows); ``ids`` are those of
    people who are not registered yet. ``seen`` is what a look at the rows has shown, where there was one.
    """

    claims: Mapping[str, Claim] = field(default_factory=dict, repr=False)
    ids: Mapping[NHSNumber, str] = field(default_factory=dict, repr=False)
    ready: Mapping[str, Ready] = field(default_factory=dict, repr=False)
    seen: tuple[Profile, Coverage] | None = field(default=None, repr=False)

    def made(self, units: Sequence[Unit], person: Person) -> Made | None:
        """What was made of exactly these units for exactly this person."""
        found = self.ready.get(units[0].place)
        if found is None or found.subject != person.patient_id:
            return None
        return found.made if found.places == tuple(unit.place for unit in units) else None


NOTHING = Ahead()


def plain_runs(
    units: Iterable[Unit | BadUnit], stated: Callable[[Unit], Claim | None]
) -> Iterator[tuple[Claim | None, list[Unit | BadUnit]]]:
    """Units one after another that claim the same; each of which there is more to say, or nothing, alone.

    A run is given as soon as the first unit after it was read.
    """
    run: list[Unit | BadUnit] = []
    before: Claim | None = None
    for unit in units:
        claimed = stated(unit) if isinstance(unit, Unit) else None
        if claimed is not None and (claimed.nothing or claimed.declined):
            claimed = None
        if run and (claimed is None or claimed != before):
            yield before, run
            run = []
        run.append(unit)
        before = claimed
    if run:
        yield before, run


def see(look: Look, units: Iterable[Unit | BadUnit], ahead: Ahead) -> None:
    """Look at units, but for the rows that somebody has looked at already."""
    if ahead.seen is not None:
        look.take(*ahead.seen)
    for unit in units:
        if ahead.seen is None or isinstance(unit, BadUnit):
            look.see(unit)
