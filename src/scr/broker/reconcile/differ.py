"""Where sources disagree: told to whoever reads, and settled by nobody here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scr.broker.reconcile.listed import Listed
from scr.broker.reconcile.rules import Disagreement, Rules
from scr.broker.reconcile.same import Pair, blocks_of, near
from scr.fhir.clinical import Facts


@dataclass(frozen=True, slots=True)
class Found:
    """A disagreement, and all the entries that it is between, in a stable order."""

    rule: Disagreement
    between: tuple[Facts, ...]


def disagreements(rules: Rules, facts: Sequence[Facts], lists: Mapping[str, Listed]) -> list[Found]:
    """Every disagreement between different sources: what disagrees with one and the same is told once."""
    return [
        Found(rule, between)
        for rule in rules.disagreements
        for between in _together(_FINDERS[rule.differ](rule, facts, lists))
    ]


def _together(pairs: Iterable[Pair]) -> list[tuple[Facts, ...]]:
    """The pairs, those that have an entry in common as one."""
    known: dict[str, dict[str, Facts]] = {}
    for pair in pairs:
        joined = {one.entry.reference: one for one in pair}
        for reference in list(joined):
            joined |= known.get(reference, {})
        known.update(dict.fromkeys(joined, joined))
    groups = {id(group): group for group in known.values()}
    return [tuple(group[name] for name in sorted(group)) for group in groups.values()]


_Finder = Callable[[Disagreement, Sequence[Facts], Mapping[str, Listed]], Iterator[Pair]]


def _doses(rule: Disagreement, _facts: Sequence[Facts], lists: Mapping[str, Listed]) -> Iterator[Pair]:
    """Lines of one medicine whose doses differ, unless each has one in the other source that agrees."""
    for block in blocks_of(rule.by, lists[rule.list].current, across=True):
        told = [one for one in block if one.dose.is_told]
        for one, other in _between_sources(told, rule):
            if one.dose.differs(other.dose) and not (_met(one, other, told) and _met(other, one, told)):
                yield one, other


def _met(one: Facts, other: Facts, block: Iterable[Facts]) -> bool:
    """Whether something in the other one's source agrees with this one."""
    return any(each.entry.source == other.entry.source and not one.dose.differs(each.dose) for each in block)


def _states(rule: Disagreement, _facts: Sequence[Facts], lists: Mapping[str, Listed]) -> Iterator[Pair]:
    """Of one thing, an entry that holds and one of another source that is over."""
    named = lists[rule.list]
    current = {id(one) for one in named.current}
    over = [one for one in named.over if not (one.wrong or one.denies)]
    for block in blocks_of(rule.by, (*named.current, *over), across=True):
        holders = {one.entry.source for one in block if id(one) in current}
        for one, other in _between_sources(block, rule):
            if (id(one) in current) is (id(other) in current):
                continue
            holding, ended = (one, other) if id(one) in current else (other, one)
            if ended.entry.source in holders:  # it has begun anew there
                continue
            if not rule.newer or _last(ended) > _last(holding):
                yield one, other


def _sides(rule: Disagreement, facts: Sequence[Facts], _lists: Mapping[str, Listed]) -> Iterator[Pair]:
    mine = [one for one in facts if one.entry.type in rule.types and one.side and not one.wrong]
    for block in blocks_of(rule.by, mine, across=False):
        for one, other in _between_sources(block, rule):
            if {one.side, other.side} == {"left", "right"}:
                yield one, other


def _no_allergy(rule: Disagreement, facts: Sequence[Facts], lists: Mapping[str, Listed]) -> Iterator[Pair]:
    """Whoever says that there is none, and each allergy that holds: the newest of those who say so."""
    named = lists[rule.list]
    denying = [
        one
        for one in facts
        if one.denies and (one.entry.status or "none") in named.rule.types[one.entry.type]
    ]
    for one in denying:
        for other in named.current:
            if one.entry.source != other.entry.source:
                yield one, other


def _deaths(rule: Disagreement, facts: Sequence[Facts], _lists: Mapping[str, Listed]) -> Iterator[Pair]:
    mine = [one for one in facts if one.entry.type in rule.types and one.dead is not None]
    return (pair for pair in _between_sources(mine, rule) if pair[0].dead is not pair[1].dead)


def _addresses(rule: Disagreement, facts: Sequence[Facts], _lists: Mapping[str, Listed]) -> Iterator[Pair]:
    mine = [one for one in facts if one.entry.type in rule.types and one.postcode]
    return (pair for pair in _between_sources(mine, rule) if pair[0].postcode != pair[1].postcode)


_FINDERS: dict[str, _Finder] = {
    "dose": _doses,
    "state": _states,
    "side": _sides,
    "no-allergy": _no_allergy,
    "death": _deaths,
    "address": _addresses,
}


def _between_sources(block: Sequence[Facts], rule: Disagreement) -> Iterator[Pair]:
    for one, other in near(block, rule.within_hours):
        if one.entry.source != other.entry.source:
            yield one, other


def _last(one: Facts) -> int:
    """When an entry was last heard of, by its clinical date: the end of it, where it has one."""
    if one.ends is not None:
        return one.ends
    return one.entry.last_updated if one.entry.when is None else one.entry.when[0]
