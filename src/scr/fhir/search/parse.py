"""A search as it was asked, read: the person, the tests, the order, what goes with it and how it is shown.

https://hl7.org/fhir/R4/search.html. A search names its person (``patient`` or ``subject``). A parameter that
is not known is refused, or left out with a warning where the sender says that it may be (``Prefer:
handling=lenient``); one that is known and cannot be answered is refused whatever the sender says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scr.errors import Invalid
from scr.fhir.entry import Entry
from scr.fhir.identifiers import NHS_NUMBER_SYSTEM
from scr.fhir.search.candidate import Around, Candidate, Needs
from scr.fhir.search.codes import Codes
from scr.fhir.search.compile import Check, Compiled, Context
from scr.fhir.search.escapes import bad
from scr.fhir.search.include import INCLUDES, Includes
from scr.fhir.search.joined import compile_parameter
from scr.fhir.search.order import Sort, ordered, parse_sort
from scr.fhir.search.shape import Shape, parse_elements, parse_summary
from scr.fhir.search.special import SPECIAL, compile_special
from scr.fhir.search.table import parameters_of, searched_types
from scr.fhir.search.values import (
    Pairs,
    check_format,
    check_pretty,
    once,
    parse_count,
    parse_types,
    patient_id,
    same_person,
)

_PERSON = ("patient", "subject")
_ONCE = frozenset({"_count", "_sort", "_format", "_pretty", "_summary", "_elements", "_total", "_contained"})
_NOT_SERVED = {
    "_filter": "a language of its own that is not read here",
    "_query": "no named query is served",
    "_containedType": "contained resources are given with what contains them",
    "_page": "it stands alone, in the link that was given",
    "near": "places are not searched by distance",
}
"""What R4 has and is not answered here: refused, since each of them narrows."""
_MEANING = frozenset({"in", "not-in", "below", "above"})


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was read.

    ``checks`` are by the type that is searched. ``total``: whether the matches are counted. ``includes`` are
    as they were asked for. ``used`` are the parameters that were understood, as they may stand in a link;
    ``ignored`` the names of those that were not. ``meaning``: terminology is asked while it runs.
    ``beside``: it looks at, or gives, resources of other types too.
    """

    patient: str
    checks: Mapping[str, tuple[Check, ...]]
    sorts: tuple[Sort, ...]
    count: int
    needs: Needs
    base_url: str
    includes: Pairs = ()
    shape: Shape = field(default_factory=Shape)
    total: bool = True
    used: Pairs = ()
    ignored: tuple[str, ...] = ()
    meaning: bool = False
    beside: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types that are searched."""
        return tuple(self.checks)

    def run(self, entries: Iterable[Entry]) -> list[Entry]:
        """The matching entries in order; ties keep a stable order. ``entries`` are those that may be seen."""
        around = Around(entries, self.needs)
        checks = self.checks
        found = [one for one in around.candidates if passes(checks.get(one.entry.type), one)]
        return [one.entry for one in ordered(found, self.sorts)]

    def included(self, matches: Iterable[Entry], entries: Sequence[Entry]) -> list[Entry]:
        """What goes with the matches, of the same entries."""
        return Includes(self.includes, self.base_url).of(matches, entries)


def passes(checks: tuple[Check, ...] | None, one: Candidate) -> bool:
    """Whether a candidate passes every check; without any (None) it does not."""
    if checks is None:
        return False
    for check in checks:  # noqa: SIM110 - a generator costs more than most checks
        if not check(one):
            return False
    return True


class _Reading:
    """The parameters of one search, gone through one by one."""

    def __init__(
        self, kinds: tuple[str, ...], context: Context, person: str | None, lenient: bool, default_count: int
    ) -> None:
        self.kinds = kinds
        self.context = context
        self.lenient = lenient
        self.patient = person
        self.named = person is not None
        self.compiled: dict[str, list[Compiled]] = {kind: [] for kind in kinds}
        self.sorts: tuple[Sort, ...] = ()
        self.count = default_count
        self.includes: list[tuple[str, str]] = []
        self.shape = Shape()
        self.total = True
        self.used: list[tuple[str, str]] = []
        self.ignored: list[str] = []

    def read(self, name: str, value: str) -> None:
        """One parameter."""
        base = name.partition(":")[0]
        if base in _PERSON and "." not in name and not self.named:
            self.patient = same_person(
                self.patient, patient_id(base, name[len(base) + 1 :], value, self.context.base_url)
            )
        elif name in _RESULTS:
            _RESULTS[name](self, value)
        elif base in INCLUDES:
            self.includes.append((name, value))
        elif base == "_type":
            pass  # read before all others
        elif base in _NOT_SERVED:
            raise Invalid(_NOT_SERVED[base], code="unknown-parameter", where=base)
        elif self._unknown(name):
            self.ignored.append(name[:40])
            return
        else:
            self._narrow(name, base, value)
        self.used.append((name, value))

    def _unknown(self, name: str) -> bool:
        """Whether a parameter may be left out: the sender said so, and no type that is searched has it."""
        base = re.split("[:.]", name, maxsplit=1)[0]
        own = base.startswith("_") or base == "status"
        return self.lenient and not own and not any(base in parameters_of(kind) for kind in self.kinds)

    def _narrow(self, name: str, base: str, value: str) -> None:
        for kind in self.kinds:
            if base in SPECIAL:
                if name != base:
                    raise bad(base, "takes no modifier")
                made = compile_special(base, value, self.context.base_url)
            else:
                made = compile_parameter(kind, name, value, self.context)
            self.compiled[kind].append(made)

    def search(self) -> Search:
        """What was read. Raises Invalid where no person was named."""
        if self.patient is None:
            raise Invalid(
                "this endpoint answers about one person at a time: give patient=[id]", code="patient-needed"
            )
        Includes(self.includes, self.context.base_url)
        return Search(
            patient=self.patient,
            checks={kind: _in_order(made) for kind, made in self.compiled.items()},
            sorts=self.sorts,
            count=self.count,
            needs=self.context.needs,
            base_url=self.context.base_url,
            includes=tuple(self.includes),
            shape=self.shape_read(),
            total=self.total,
            used=tuple(pair for pair in self.used if not _may_hold_number(*pair)),
            ignored=tuple(dict.fromkeys(self.ignored)),
            meaning=any(_MEANING & set(re.split("[:.]", name)) for name, _ in self.used),
            beside=bool(self.includes) or any(_is_beside(name, value) for name, value in self.used),
        )

    def shape_read(self) -> Shape:
        """The part of a resource that was asked for. Raises Invalid where it is told in two ways."""
        if self.shape.summary and self.shape.elements:
            raise bad("_elements", "goes without _summary")
        return self.shape

    def set_count(self, value: str) -> None:
        """``_count``."""
        self.count = parse_count(value)

    def set_sort(self, value: str) -> None:
        """``_sort``."""
        self.sorts = parse_sort(self.kinds, value, self.context)

    def set_summary(self, value: str) -> None:
        """``_summary``."""
        self.shape = Shape(parse_summary(value), self.shape.elements)

    def set_elements(self, value: str) -> None:
        """``_elements``."""
        self.shape = Shape(self.shape.summary, parse_elements(self.kinds, value))

    def set_total(self, value: str) -> None:
        """``_total``: what is estimated elsewhere is counted here."""
        if value not in {"none", "estimate", "accurate"}:
            raise bad("_total", "must be none, estimate or accurate")
        self.total = value != "none"

    def set_contained(self, value: str) -> None:
        """``_contained``."""
        if value != "false":
            raise bad("_contained", "contained resources are given with what contains them, and not alone")


def _is_beside(name: str, value: str) -> bool:
    """Whether a parameter looks at others than the types that are searched: a chain, a list worked out."""
    return name.startswith("_has:") or "." in name or (name == "_list" and "$" in value)


def _may_hold_number(name: str, value: str) -> bool:
    """Whether an NHS Number may stand in a parameter: none stands in a link."""
    return NHS_NUMBER_SYSTEM in value or "identifier" in name


def _in_order(made: Iterable[Compiled]) -> tuple[Check, ...]:
    return tuple(one.check for one in sorted(made, key=lambda one: one.cost))


_RESULTS: dict[str, Callable[[_Reading, str], None]] = {
    "_count": _Reading.set_count,
    "_sort": _Reading.set_sort,
    "_summary": _Reading.set_summary,
    "_elements": _Reading.set_elements,
    "_total": _Reading.set_total,
    "_contained": _Reading.set_contained,
    "_format": lambda _reading, value: check_format(value),
    "_pretty": lambda _reading, value: check_pretty(value),
}


def parse_search(
    kind: str,
    pairs: Pairs,
    *,
    base_url: str,
    default_count: int = 100,
    person: str | None = None,
    lenient: bool = False,
    codes: Codes | None = None,
) -> Search:
    """Read the parameters of a search on a type; on those of ``_type``, or on all, where it is empty.

    ``person`` is whose record it is, where that is known already and is not to be named again. Raises
    Invalid, naming the parameter, where one is unknown, repeated where it may not be, or has a value that
    cannot be read.
    """
    once(pairs, _ONCE)
    kinds = (kind,) if kind else searched_types()
    for name, value in pairs:
        if name == "_type":
            kinds = tuple(one for one in kinds if one in set(parse_types(value)))
    reading = _Reading(kinds, Context(Needs(), base_url, codes), person, lenient, default_count)
    for name, value in pairs:
        reading.read(name, value)
    return reading.search()


READ_PARAMETERS = frozenset({"_format", "_pretty", "_summary", "_elements"})
"""What may go with the reading of one resource."""


def parse_shape(kind: str, pairs: Pairs) -> Shape:
    """Which part of a resource is read, from the parameters of ``READ_PARAMETERS``. Raises Invalid."""
    reading = _Reading((kind,), Context(Needs()), "", lenient=False, default_count=1)
    for name, value in once(pairs, READ_PARAMETERS):
        reading.read(name, value)
    if reading.shape.summary == "count":
        raise bad("_summary", "counts what is found: there is one resource here")
    return reading.shape_read()
