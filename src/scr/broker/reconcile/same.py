"""Which entries tell of one thing in the world."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

import msgspec

from scr.broker.reconcile.rules import By, SameRule, Unless
from scr.fhir.clinical import Facts
from scr.fhir.dates import day_text

_HOUR = 3_600_000
_LONGEST_DAY = 25 * _HOUR
_MOST = 64
"""In a larger block each is compared with the next ones only: repeated readings are not one thing."""
Pair = tuple[Facts, Facts]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why two entries were joined: the rule, and in what they agree."""

    rule: str
    by: tuple[By, ...]


class Group(msgspec.Struct, frozen=True, gc=False):
    """Entries that tell of one thing, the one that stands for them first, and why they were joined."""

    members: list[Facts]
    evidence: tuple[Evidence, ...] = ()

    @property
    def first(self) -> Facts:
        """The one that stands for all."""
        return self.members[0]


def grouped(facts: Sequence[Facts], rules: Iterable[SameRule]) -> list[Group]:
    """Every entry in exactly one group, those that stand alone too; in the order of the first of each.

    Two entries of one source are two things, unless a rule says that any sources may be one: so two lines of
    one medicine are never taken for one because a third entry is like both. The nearest in time go first.
    """
    known: dict[int, _Cluster] = {}
    by_type = _by_type(one for one in facts if not (one.wrong or one.denies))
    for rule in sorted(rules, key=lambda rule: rule.sources == "different"):
        mine = [one for kind in rule.types for one in by_type.get(kind, ())]
        for one, other in sorted(pairs_of(rule, mine), key=_apart):
            a, b = _cluster(known, one), _cluster(known, other)
            if a is b or (rule.sources == "different" and a.sources & b.sources):
                continue
            a.take(b, Evidence(rule.name, rule.by))
            for member in b.members:
                known[id(member)] = a
    return _groups(facts, known)


def _groups(facts: Sequence[Facts], known: Mapping[int, _Cluster]) -> list[Group]:
    found: list[Group] = []
    seen: set[int] = set()
    for one in facts:
        cluster = known.get(id(one))
        if cluster is None:
            found.append(Group([one]))
        elif id(cluster) not in seen:
            seen.add(id(cluster))
            found.append(Group(sorted(cluster.members, key=leading), tuple(cluster.evidence)))
    return found


@dataclass(slots=True)
class _Cluster:
    """A group while it grows."""

    members: list[Facts]
    sources: set[str]
    evidence: list[Evidence] = field(default_factory=list)

    def take(self, other: _Cluster, why: Evidence) -> None:
        """Make the other one a part of this."""
        self.members += other.members
        self.sources |= other.sources
        self.evidence += [one for one in (why, *other.evidence) if one not in self.evidence]


def _cluster(known: dict[int, _Cluster], one: Facts) -> _Cluster:
    """The cluster of an entry, made where it has none yet: most never need one."""
    found = known.get(id(one))
    if found is None:
        found = known[id(one)] = _Cluster([one], {one.entry.source})
    return found


def pairs_of(rule: SameRule, facts: Sequence[Facts]) -> Iterator[Pair]:
    """The pairs that a rule joins, of entries of its types."""
    if rule.by == ("order",):
        yield from _orders(facts)
        return
    elsewhere = rule.sources == "different"
    for block in blocks_of(rule.by, facts, across=rule.across, elsewhere=elsewhere):
        for one, other in near(block, rule.within_hours):
            if elsewhere and one.entry.source == other.entry.source:
                continue
            if not any(differs(aspect, one, other) for aspect in rule.unless):
                yield one, other


def blocks_of(
    by: Sequence[By], facts: Iterable[Facts], *, across: bool, elsewhere: bool = True
) -> list[list[Facts]]:
    """Those that agree in every aspect, together; one that has several codes may be in several blocks.

    ``across``: whatever their types; ``elsewhere``: only where they are of several sources. Aspect by aspect,
    so that little is left to be asked about the later ones.
    """
    blocks = [list(facts)] if across else list(_by_type(facts).values())
    for aspect in by:
        keys = _KEYS[aspect]
        finer = (part for block in blocks for part in _split(block, keys))
        blocks = _distinct(block for block in finer if not (elsewhere and _of_one_source(block)))
    return blocks


def _distinct(blocks: Iterable[list[Facts]]) -> list[list[Facts]]:
    """Each block once: those that have a code in common mostly have the words of it in common too."""
    return list({tuple(map(id, block)): block for block in blocks}.values())


def _by_type(facts: Iterable[Facts]) -> dict[str, list[Facts]]:
    found: dict[str, list[Facts]] = {}
    for one in facts:
        found.setdefault(one.entry.type, []).append(one)
    return found


def _split(facts: Sequence[Facts], keys: _Keys) -> list[list[Facts]]:
    blocks: dict[str, list[Facts]] = {}
    for one, several in zip(facts, map(keys, facts), strict=True):
        for key in several:
            if key in blocks:
                blocks[key].append(one)
            else:
                blocks[key] = [one]
    return [block for block in blocks.values() if len(block) > 1]


def _of_one_source(block: Sequence[Facts]) -> bool:
    first = block[0].entry.source
    return all(one.entry.source == first for one in block)


def near(block: Sequence[Facts], within_hours: float | None) -> Iterator[Pair]:
    """The pairs of a block whose clinical dates are near enough; one without a date is near to all."""
    ordered = sorted(block, key=_early)
    reach = len(ordered) if len(ordered) <= _MOST else 4
    for number, one in enumerate(ordered):
        for other in ordered[number + 1 : number + 1 + reach]:
            if within_hours is None or _near(one, other, within_hours * _HOUR):
                yield one, other


def differs(aspect: Unless, one: Facts, other: Facts) -> bool:
    """Whether both say something of it, and not the same."""
    if aspect == "dose":
        return one.dose.differs(other.dose)
    said: dict[Unless, tuple[str, str]] = {
        "side": (one.side, other.side),
        "value": (one.value, other.value),
        "lot": (one.lot, other.lot),
        "status": (one.entry.status or "", other.entry.status or ""),
    }
    a, b = said[aspect]
    return bool(a and b and a != b)


def _orders(facts: Sequence[Facts]) -> Iterator[Pair]:
    """Those that carry out another one, with it."""
    by_reference = {one.entry.reference: one for one in facts}
    for one in facts:
        for reference in one.based_on:
            if reference in by_reference:
                yield by_reference[reference], one


def _day(one: Facts) -> tuple[str, ...]:
    """The day, in London; none where only a month or a year is known."""
    when = one.entry.when
    return () if when is None or when[1] - when[0] > _LONGEST_DAY else (day_text(when[0]),)


_Keys = Callable[[Facts], tuple[str, ...]]
_KEYS: dict[By, _Keys] = {
    "concept": attrgetter("concept"),
    "medicine": attrgetter("medicine"),
    "identifier": attrgetter("identifiers"),
    "day": _day,
    "value": lambda one: (one.value,) if one.value else (),
    "lot": lambda one: (one.lot,) if one.lot else (),
    "order": attrgetter("based_on"),
}
"""In what two entries agree, by aspect: they do where they have one of these in common."""


def _start(one: Facts) -> int:
    return 0 if one.entry.when is None else one.entry.when[0]


def _early(one: Facts) -> tuple[int, str]:
    return (_start(one), one.entry.id)


def _near(one: Facts, other: Facts, most: float) -> bool:
    if one.entry.when is None or other.entry.when is None:
        return True
    return abs(one.entry.when[0] - other.entry.when[0]) <= most


def _apart(pair: Pair) -> tuple[int, str, str]:
    one, other = pair
    return (abs(_start(one) - _start(other)), one.entry.id, other.entry.id)


def leading(one: Facts) -> tuple[int, int, str]:
    """To sort by: the newest first; the id decides between equals, so that it is always the same."""
    return (-_start(one), -one.entry.last_updated, one.entry.id)
