"""One unit onto one record, or the reason why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from scr.consent.label_policy import LabelPolicy
from scr.consent.labels import is_labelled
from scr.decode.hl7v2.merges import PARTING
from scr.decode.tree import BadUnit, Unit
from scr.errors import Conflict, Invalid
from scr.fhir.entry import Entry
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.identity import index, objections
from scr.identity.matching import Matching, shipped_matching
from scr.identity.pds.facts import Facts
from scr.identity.resolve import Resolver, Unresolved
from scr.identity.sought import Sought
from scr.intake.ahead.known import NOTHING, Ahead
from scr.intake.carry import carried
from scr.intake.making import make
from scr.intake.merging import carry_out, merge_of
from scr.intake.relating import relate
from scr.mapping.adapter import Adapter
from scr.mapping.meaning import Step
from scr.mapping.repeats import Repeats
from scr.mapping.run import Claim, Mapped, MappingContext, claim, take_number
from scr.mapping.told import agrees_to_sharing, told_at
from scr.store import notices
from scr.store.driver import release, set_savepoint, undo
from scr.store.filed_under import marks_of
from scr.store.filing import Filed, Told, file_in_view
from scr.store.keys import KeyRing
from scr.store.labelled import with_labels
from scr.store.people import Person, view_of
from scr.terminology.conceptmap import ConceptMaps

_FILING = "filing"

DISSENT = "dissent-to-share"
"""The code by which an adapter declines a unit whose person objects to sharing (ZU8-2, say)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a unit is in quarantine: its place, a stable code, a sentence. Nobody's data is in these.

    ``claimed`` is the NHS Number that it names, so that the person's record tells that it is held back.
    """

    place: str
    code: str
    sentence: str
    claimed: NHSNumber | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class FiledUnit:
    """A unit that is on its person's record."""

    person: Person
    filed: Filed
    mapped: Mapped


@dataclass(frozen=True, slots=True)
class Objected:
    """A unit that says that its person does not want it shared: that is noted, and nothing filed."""

    person: Person
    problem: Problem


@dataclass(frozen=True, slots=True)
class Nothing:
    """A unit in which there is nothing to file, by the adapter's own rule (an acknowledgement)."""

    code: str


UnitOutcome = FiledUnit | Nothing | Problem


class Joined(Exception):
    """Several units of a person cannot be filed at once, because labels spread among what they tell."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Files units. It works inside a transaction that somebody else commits.

    ``steps`` add codings and labels to what is filed; ``matching`` is the policy of whose a unit is, and
    ``facts`` what the national register says of the numbers that the units claim. ``labels`` is the policy
    of the labels that spread over what is held. ``repeats`` is the memory of the rows at hand, where it files
    a table's; ``ahead`` what is known of them already, ``sought`` what the index says of the only one;
    ``received`` when they came (ms UTC), where that was
    not now; ``message`` what they came in. ``sends``: people may be sent a message of a new result.
    """

    keys: KeyRing
    maps: ConceptMaps
    steps: tuple[Step, ...] = ()
    matching: Matching = field(default_factory=shipped_matching)
    facts: Facts = field(default_factory=dict, repr=False)
    labels: LabelPolicy = field(default_factory=LabelPolicy)
    repeats: Repeats | None = field(default=None, repr=False)
    ahead: Ahead = field(default=NOTHING, repr=False)
    sought: Sought | None = field(default=None, repr=False)
    received: int = 0
    message: str = ""
    sends: bool = False

    def file(
        self, conn: Connection, provider: OdsCode, adapter: Adapter, unit: Unit | BadUnit, now: int
    ) -> UnitOutcome:
        """File one unit, or leave nothing of it and say why.

        Raises Conflict where another writer registered the same person first: run it all again.
        """
        if isinstance(unit, BadUnit):
            return Problem(unit.place, unit.error.code, unit.error.message)
        stated = self.claimed(adapter, unit)
        if isinstance(stated, Problem):
            return stated
        if stated.nothing:
            return Nothing(stated.nothing)
        outcome = self._file_or_undo(conn, provider, adapter, unit, stated, now)
        if isinstance(outcome, Problem):
            return replace(outcome, claimed=stated.nhs_number)
        return outcome

    def claimed(self, adapter: Adapter, unit: Unit) -> Claim | Problem:
        """Whose a unit says it is, or why it does not."""
        known = self.ahead.claims.get(unit.place)
        if known is not None:
            return known
        try:
            return claim(adapter, unit, self.repeats)
        except Invalid as error:
            return Problem(unit.place, error.code, str(error))

    def _file_or_undo(
        self, conn: Connection, provider: OdsCode, adapter: Adapter, unit: Unit, stated: Claim, now: int
    ) -> UnitOutcome:
        try:
            with undone_unless_filed(conn) as mark:
                outcome = self._file(conn, provider, adapter, unit, stated, now)
                mark.kept = not isinstance(outcome, Problem)
        except Invalid as error:
            return Problem(unit.place, error.code, str(error))
        except Conflict as conflict:
            if conflict.code not in {"other-person", "other-type"}:
                raise
            return Problem(unit.place, conflict.code, str(conflict))
        return outcome.problem if isinstance(outcome, Objected) else outcome

    def _file(
        self, conn: Connection, provider: OdsCode, adapter: Adapter, unit: Unit, stated: Claim, now: int
    ) -> UnitOutcome | Objected:
        other = merge_of(stated)
        if stated.declined and stated.declined != DISSENT and other is None:
            return Problem(unit.place, stated.declined, stated.reason)
        person = self.whose(conn, provider, stated, now)
        if isinstance(person, Unresolved):
            return Problem(unit.place, person.code, person.sentence)
        if other is not None:
            if not carry_out(conn, self.keys, provider, person, stated, other, now):
                return Problem(unit.place, stated.declined, stated.reason)
            if other.event == PARTING:  # it tells nothing else of either
                return FiledUnit(person, Filed(0, 0, 0), Mapped(()))
        elif stated.declined:
            objections.dissent(conn, person, provider, provider, told_at(unit, now) or self.received or now)
            return Objected(person, Problem(unit.place, stated.declined, stated.reason))
        filed = self.onto(conn, provider, adapter, [unit], person, stated, now)[0]
        if agrees_to_sharing(unit):
            for one in view_of(conn, self.keys, person):
                objections.consent(conn, one, provider, provider, told_at(unit, now) or self.received or now)
        return filed

    def whose(self, conn: Connection, provider: OdsCode, stated: Claim, now: int) -> Person | Unresolved:
        """Whose what claims this is."""
        resolver = Resolver(self.keys, self.matching, self.ahead.ids, self.sought)
        return resolver.whose(conn, provider, stated, now, self.facts)

    def onto(
        self,
        conn: Connection,
        provider: OdsCode,
        adapter: Adapter,
        units: Sequence[Unit],
        person: Person,
        stated: Claim,
        now: int,
    ) -> list[FiledUnit]:
        """Put units that claim the same onto their person's record; what was filed is told with the first.

        Several at once are only for a person without labels that spread: raises Joined for any other.
        """
        if stated.nhs_number is None:
            for unit in units:
                take_number(unit, person.nhs_number)
        context = MappingContext(
            provider, person.patient_id, self.keys.id_key, now, self.maps, steps=self.steps,
            repeats=self.repeats,
        )  # fmt: skip
        mapped, news = self.ahead.made(units, person) or make(adapter, units, context)
        entries = carried(conn, person, news) if adapter.decode.format == "hl7v2" else news
        labelled, others = with_labels(conn, self.keys, person, entries, self.labels)
        if len(units) > 1 and (others or labelled != entries or is_labelled(entries)):
            raise Joined
        under = marks_of(self.keys, provider, stated.local_ids)
        told = Told(told_at(units[0], now), self.received, self.message)
        filed = file_in_view(conn, self.keys, person, labelled, now, under, told)
        if any(one.type == "DiagnosticReport" for one in labelled):
            notices.results(conn, person, labelled, now, sends=self.sends)
        if others:
            file_in_view(conn, self.keys, person, others, now)
        self._learn(conn, provider, person, stated, news, now)
        same = sum(len(one.entries) for one in mapped) - len(news)
        filed = replace(filed, unchanged=filed.unchanged + same)
        nothing = Filed(0, 0, 0)
        return [FiledUnit(person, nothing if n else filed, one) for n, one in enumerate(mapped)]

    def _learn(
        self,
        conn: Connection,
        provider: OdsCode,
        person: Person,
        stated: Claim,
        entries: Sequence[Entry],
        now: int,
    ) -> None:
        """What a unit says of its person beside its resources."""
        index.learn_demographics(conn, self.keys, person, stated.demographics)
        owners = None if self.sought is None else self.sought.owners
        for system, value in dict.fromkeys(stated.local_ids):  # the provider's own, and of one person only
            index.learn_local(conn, self.keys, person, f"{provider}|{system}", value, owners)
        relate(conn, person, provider, stated, entries, now)


@dataclass(slots=True)
class _Mark:
    kept: bool = False


@contextmanager
def undone_unless_filed(conn: Connection) -> Iterator[_Mark]:
    """Leave nothing of a unit that is not filed.

    The savepoint is told to the database in its own words: SQLAlchemy's costs as much as two statements.
    """
    mark = _Mark()
    set_savepoint(conn, _FILING, inner=True)
    try:
        yield mark
    finally:
        if mark.kept:
            release(conn, _FILING)
        else:
            undo(conn, _FILING)
