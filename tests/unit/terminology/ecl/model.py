"""A terminology as plain dictionaries, and an obviously right and slow reading of expressions over it.

Nothing here is shared with the evaluator but the tree: sets by definition, every concept looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import reduce
from operator import and_, or_, sub

from tests.support.small_release import Small, SmallRelease

from scr.terminology.ecl.tree import (
    Attribute,
    Cardinality,
    Compound,
    Concept,
    ConceptFilter,
    Criterion,
    DescriptionFilter,
    Dotted,
    Everything,
    Expression,
    Filtered,
    Group,
    History,
    Joined,
    Members,
    Refined,
    Refinement,
    Related,
    SearchTerm,
)
from scr.terminology.systems import SNOMED_CT

Attributes = list[tuple[int, str, str]]
_JOINED: dict[str, Callable[[set[str], set[str]], set[str]]] = {"AND": and_, "OR": or_, "MINUS": sub}


@dataclass
class Model:
    """Concepts with what is directly above them, their attributes, and the reference sets."""

    parents: dict[str, set[str]]
    attributes: dict[str, Attributes] = field(default_factory=dict)
    refsets: dict[str, list[str]] = field(default_factory=dict)
    inactive: set[str] = field(default_factory=set)
    became: dict[str, str] = field(default_factory=dict)

    def release(self) -> SmallRelease:
        """The same as a release."""
        concepts: Mapping[str, Small] = {
            code: Small(
                f"C{code}",
                sorted(above),
                active=code not in self.inactive,
                attributes=self.attributes.get(code, ()),
                replaced_by=self.became.get(code, ""),
            )
            for code, above in self.parents.items()
        }
        return SmallRelease({SNOMED_CT: concepts}, self.refsets)

    def above(self, code: str) -> set[str]:
        """Everything above, by repeated steps."""
        found: set[str] = set()
        while True:
            more = {up for one in {code} | found for up in self.parents[one]}
            if more <= found:
                return found
            found |= more

    def answer(self, expression: Expression) -> set[str]:
        """The set of an expression, by its definition."""
        match expression:
            case Everything():
                return {code for code in self.parents if code not in self.inactive}
            case Concept(code):
                return {code}
            case Members(of):
                named = set(self.refsets) if isinstance(of, Everything) else self.answer(of)
                became = self.became if isinstance(of, Everything) else ()
                return {one for name in named for one in self.refsets.get(name, ())}.union(became)
            case Related(operator, of):
                return self._related(operator, self.answer(of))
            case Compound(junction, parts):
                return reduce(_JOINED[junction], map(self.answer, parts))
            case Refined(focus, refinement):
                return {one for one in self.answer(focus) if self._holds(one, refinement, self._of(one))}
            case Dotted(focus, attribute):
                names = self._names(attribute)
                return {
                    to
                    for one in self.answer(focus)
                    for _, kind, to in self._of(one)
                    if kind in names and to in self.parents
                }
            case Filtered() | History():
                return self._supplied(expression)
        raise AssertionError(expression)

    def _supplied(self, expression: Filtered | History) -> set[str]:
        match expression:
            case Filtered(of, ConceptFilter(criteria, active=state)):
                if isinstance(of, Everything) and state in {"0", "*"}:
                    among = set(self.parents)
                else:
                    among = self.answer(of)
                states = {code: "0" if code in self.inactive else "1" for code in self.parents}
                if not all(_dated(one) for one in criteria):
                    return set()
                return {one for one in among & set(states) if state in {"", "*", states[one]}}
            case Filtered(of, DescriptionFilter(criteria)):
                return {
                    one
                    for one in self.answer(of) & set(self.parents)
                    if any(all(_meets(c, *told) for c in criteria) for told in _descriptions(one))
                }
            case History(of, profile):
                these = self.answer(of)
                kept = these if profile != "min" else set()
                return these | {old for old, new in self.became.items() if new in kept}
        raise AssertionError(expression)

    def _related(self, operator: str, of: set[str]) -> set[str]:
        if operator == "!!>":
            return {one for one in of if not self.above(one) & of}
        if operator == "!!<":
            return {one for one in of if not any(one in self.above(other) for other in of)}
        itself = of if operator[:2] in {"<<", ">>"} else set()
        direct = operator.endswith("!")
        up = {code: self.parents[code] if direct else self.above(code) for code in self.parents}
        if operator[0] == "<":
            return itself | {code for code, above in up.items() if above & of}
        return itself | {above for one in of for above in up[one]}

    def _of(self, code: str) -> Attributes:
        return self.attributes.get(code, [])

    def _names(self, name: Expression) -> set[str]:
        if isinstance(name, Everything):
            return {kind for rows in self.attributes.values() for _, kind, _ in rows}
        return self.answer(name)

    def _holds(self, one: str, refinement: Refinement, rows: Attributes) -> bool:
        match refinement:
            case Joined("AND", parts):
                return all(self._holds(one, part, rows) for part in parts)
            case Joined(_, parts):
                return any(self._holds(one, part, rows) for part in parts)
            case Group(inner, cardinality):
                groups = [
                    [row for row in rows if row[0] == number] for number in {row[0] for row in rows} - {0}
                ]
                groups += [[row] for row in rows if row[0] == 0]
                return _within(cardinality, sum(self._holds(one, inner, group) for group in groups))
            case Attribute(reverse=True):
                pointing = (
                    self._matches(refinement, kind, source)
                    for source in self.parents
                    for _, kind, to in self._of(source)
                    if to == one
                )
                return _within(refinement.cardinality, sum(pointing))
            case Attribute():
                count = sum(self._matches(refinement, kind, to) for _, kind, to in rows)
                return _within(refinement.cardinality, count)
        raise AssertionError(refinement)

    def _matches(self, attribute: Attribute, kind: str, to: str) -> bool:
        if kind not in self._names(attribute.name):
            return False
        value, same = attribute.value, attribute.comparison == "="
        if isinstance(value, Decimal):
            return to.startswith("#") and _compared(attribute.comparison, Decimal(to[1:]), value)
        if isinstance(value, str):
            return to.startswith('"') and (to.strip('"') == value) == same
        if isinstance(value, bool):
            return False
        return to in self.parents and (to in self.answer(value)) == same


def _dated(criterion: Criterion) -> bool:
    """Whether the one date of all concepts here is as it says."""
    compared = [_compared(criterion.comparison, Decimal(20260101), Decimal(str(v))) for v in criterion.values]
    return all(compared) if criterion.negated else any(compared)


def _descriptions(code: str) -> list[tuple[str, str]]:
    return [("syn", f"c{code}"), ("fsn", f"c{code} (test)"), ("def", f"what is meant by c{code}")]


def _meets(criterion: Criterion, kind: str, term: str) -> bool:
    if criterion.name == "type":
        return (kind in criterion.values) != criterion.negated
    if criterion.name == "language":
        return ("en" in criterion.values) != criterion.negated
    return any(_found(one, term) for one in criterion.values) != criterion.negated


def _found(wanted: SearchTerm | str, term: str) -> bool:
    assert isinstance(wanted, SearchTerm)
    if wanted.wild:
        return fnmatchcase(term, wanted.text.lower())
    there = term.replace("(", "").replace(")", "").split()
    return all(any(one.startswith(word) for one in there) for word in wanted.text.lower().split())


def _within(cardinality: Cardinality, count: int) -> bool:
    most = float("inf") if cardinality.most is None else cardinality.most
    return cardinality.least <= count <= most


def _compared(comparison: str, left: Decimal, right: Decimal) -> bool:
    return {
        "=": left == right, "!=": left != right, "<": left < right,
        "<=": left <= right, ">": left > right, ">=": left >= right,
    }[comparison]  # fmt: skip


def spell(expression: Expression) -> str:
    """An expression as it is written; parentheses wherever they may stand."""
    match expression:
        case Everything():
            return "*"
        case Concept(code):
            return f"{code} |C{code}|"
        case Members(of):
            return f"^ {_atom(of)}"
        case Related(operator, of):
            return f"{operator} {f'^{_atom(of.of)}' if isinstance(of, Members) else _atom(of)}"
        case Compound(junction, parts):
            return f" {junction} ".join(f"({spell(part)})" for part in parts)
        case Refined(focus, refinement):
            return f"({spell(focus)}): {_refinement(refinement)}"
        case Dotted(focus, attribute):
            return f"({spell(focus)}) . {_atom(attribute)}"
        case Filtered(of, wanted):
            return f"{_atom(of)} {{{{ {_filter(wanted)} }}}}"
    if isinstance(expression, History):
        return f"{_atom(expression.of)} {{{{ +HISTORY-{expression.profile} }}}}"
    raise AssertionError(expression)


def _filter(wanted: DescriptionFilter | ConceptFilter) -> str:
    letter, usual = ("D", "1") if isinstance(wanted, DescriptionFilter) else ("c", "")
    parts = [
        f"{one.name} {one.comparison} ({' '.join(_filter_value(each, one.name) for each in one.values)})"
        for one in wanted.criteria
    ]
    parts += [f"active = {wanted.active}"] if wanted.active != usual or not parts else []
    return f"{letter} {', '.join(parts)}"


def _filter_value(value: SearchTerm | str, name: str) -> str:
    if isinstance(value, str):
        return f'"{value}"' if name == "effectivetime" else value
    return f'{"wild" if value.wild else "match"} : "{value.text}"'


def _atom(expression: Expression) -> str:
    return spell(expression) if isinstance(expression, Everything | Concept) else f"({spell(expression)})"


def _refinement(refinement: Refinement) -> str:
    match refinement:
        case Joined(junction, parts):
            return _join(junction, parts)
        case Group(inner, cardinality):
            return f"{_cardinality(cardinality)} {{ {_refinement(inner)} }}"
        case Attribute(name, comparison, value, reverse, cardinality):
            left = f"{_cardinality(cardinality)} {'R ' if reverse else ''}{_atom(name)}"
            return f"{left} {comparison} {_value(value)}"
    raise AssertionError(refinement)


def _join(junction: str, parts: Iterable[Refinement]) -> str:
    return f" {junction} ".join(
        f"({_refinement(part)})" if isinstance(part, Joined) else _refinement(part) for part in parts
    )


def _cardinality(cardinality: Cardinality) -> str:
    most = "*" if cardinality.most is None else cardinality.most
    return f"[{cardinality.least}..{most}]"


def _value(value: object) -> str:
    if isinstance(value, Decimal):
        return f"#{value}"
    if isinstance(value, str):
        return f'"{value}"'
    return _atom(value)  # type: ignore[arg-type]
