"""The lists of what holds now: one line for each thing, over the originals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scr.broker.reconcile.rules import ListRule
from scr.broker.reconcile.same import Group, leading
from scr.fhir.clinical import MEDICINES, Facts

_PROPOSED = frozenset({"proposal", "option"})
_PLANNED = frozenset({"", "plan"})


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that holds now: the entry that stands for it, and the others that say the same."""

    first: Facts
    others: tuple[Facts, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """One list with its lines, and those of its types that do not hold any more."""

    rule: ListRule
    lines: tuple[Line, ...]
    over: tuple[Facts, ...]

    @property
    def current(self) -> tuple[Facts, ...]:
        """Every entry that a line stands for."""
        return tuple(one for line in self.lines for one in (line.first, *line.others))


def all_listed(rules: Iterable[ListRule], groups: Sequence[Group], now: int) -> list[Listed]:
    """The list of each rule at ``now`` (ms UTC), each of the groups that have anything of its types."""
    by_type: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        for one in group.members:
            by_type.setdefault(one.entry.type, []).append(number)
    found = []
    for rule in rules:
        numbers = {number for kind in rule.types for number in by_type.get(kind, ())}
        found.append(listed(rule, [groups[number] for number in sorted(numbers)], now))
    return found


def listed(rule: ListRule, groups: Iterable[Group], now: int) -> Listed:
    """The list of a rule at ``now`` (ms UTC): of each group the entries that hold, the newest first.

    A group of which anything holds has its line, though another source says that it is over: that is told
    beside it, and never settled by leaving it out.
    """
    lines: list[Line] = []
    over: list[Facts] = []
    for group in groups:
        mine = [one for one in group.members if one.entry.type in rule.types]
        holding = [one for one in mine if holds(rule, one, now)]
        if len(holding) < len(mine):
            over += [one for one in mine if one not in holding and _is_over(rule, one)]
        if holding:
            lines.append(Line(holding[0], tuple(holding[1:])))
    if not lines:  # that somebody says there is nothing is said, while nobody says that there is something
        lines = [Line(one, ()) for one in over if one.denies and _status_holds(rule, one)]
    lines.sort(key=lambda line: leading(line.first))
    return Listed(rule, tuple(lines), tuple(over))


def holds(rule: ListRule, one: Facts, now: int) -> bool:
    """Whether an entry says that it holds now."""
    if one.denies or one.intent in _PROPOSED or not _status_holds(rule, one):
        return False
    return one.entry.type not in MEDICINES or one.ends is None or one.ends > now


def _is_over(rule: ListRule, one: Facts) -> bool:
    """Whether an entry says that something does not hold. An issue that was supplied does not, and neither
    does what a visit was for."""
    supplied = one.entry.status == "completed" and one.intent not in _PLANNED
    return not supplied and not _passes(rule, one)


def _passes(rule: ListRule, one: Facts) -> bool:
    """Whether an entry is of another list, by its categories."""
    return _is_of(one, rule.passing) or (bool(rule.only) and not _is_of(one, rule.only))


def _is_of(one: Facts, categories: Sequence[str]) -> bool:
    return bool(categories) and any(token.rpartition("|")[2] in categories for token in one.entry.categories)


def _status_holds(rule: ListRule, one: Facts) -> bool:
    holds = not one.wrong and (one.entry.status or "none") in rule.types.get(one.entry.type, ())
    return holds and not _passes(rule, one)


def by_name(lists: Sequence[Listed]) -> Mapping[str, Listed]:
    """The lists by the names of their rules."""
    return {one.rule.name: one for one in lists}
