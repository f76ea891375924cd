"""What an expression means over a release: the set of its concepts, or whether one concept is among them.

Chapter 6 of the specification. Both answers follow from the same tree: a set is fetched from the release
a few hundred concepts a statement, a test asks the release about one concept and fetches no set that it can
do without. The substrate is the release's active relationships; ``^`` gives active members, whether or not
the concepts are active themselves (``refsets``). A concept that the release does not know is an error, not
an empty set.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from scr.errors import UnknownCode
from scr.terminology.ecl import filtering, refine, refsets
from scr.terminology.ecl.ids import LIMITS, Ids, Limits, Store
from scr.terminology.ecl.parse import parse
from scr.terminology.ecl.tree import (
    Compound,
    Concept,
    ConceptFilter,
    DescriptionFilter,
    Dotted,
    Everything,
    Expression,
    Filtered,
    Hierarchy,
    History,
    Members,
    Profile,
    Refined,
    Related,
)
from scr.terminology.release.reader import Release
from scr.terminology.release.schema import ASSOCIATIONS

Test = Callable[[int], bool]


def evaluate(release: Release, expression: Expression | str, limits: Limits = LIMITS) -> frozenset[str]:
    """The codes of an expression. Raises Invalid where it cannot be read, UnknownCode, and TooCostly."""
    tree = parse(expression) if isinstance(expression, str) else expression
    meaning = Meaning(Store(release, limits))
    with meaning.store.watched():
        return frozenset(map(str, meaning.ids(tree)))


def matcher(release: Release, expression: Expression | str, limits: Limits = LIMITS) -> Callable[[str], bool]:
    """A test whether a code is one of an expression's; for a few codes, far quicker than the set.

    Raises as ``evaluate`` does; the test itself raises TooCostly when it has been asked too much.
    """
    tree = parse(expression) if isinstance(expression, str) else expression
    test = Meaning(Store(release, limits)).test(tree)
    return lambda code: _is_number(code) and test(int(code))


def _is_number(code: str) -> bool:
    return code.isascii() and code.isdigit() and code[0] != "0" and len(code) <= 18


class Meaning:
    """The meaning of expressions over one release, within one budget."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def ids(self, expression: Expression) -> Ids:
        """The set of an expression."""
        match expression:
            case Everything():
                return self.store.everything()
            case Concept():
                return {self.known(expression)}
            case Members(of):
                return self._members(of)
            case Related(operator, of):
                return self._related(operator, self.ids(of))
            case Compound(junction, parts):
                return self._joined(junction, parts)
            case Refined(focus, refinement):
                return refine.select(self, focus, refinement)
            case Dotted(focus, attribute):
                return refine.values(self, focus, attribute)
            case Filtered(of, wanted):
                return self._filtered(of, wanted)
            case History(of, profile):
                found = self.ids(of)
                return found | filtering.became(self.store, found, self._associations(profile))

    def _members(self, of: Expression) -> Ids:
        if isinstance(of, Everything):
            return refsets.members_of_any(self.store)
        named = self.ids(of)
        if isinstance(of, Concept):
            refsets.need_kept(self.store, of)
        return refsets.members(self.store, named)

    def _filtered(self, of: Expression, wanted: DescriptionFilter | ConceptFilter) -> Ids:
        if isinstance(wanted, DescriptionFilter):
            return filtering.described(self.store, self.ids(of), wanted)
        every = isinstance(of, Everything) and wanted.active in {"0", "*"}
        return filtering.stated(self.store, self.store.all_states() if every else self.ids(of), wanted)

    def _associations(self, profile: Profile | Expression) -> tuple[str, ...]:
        """The kinds of historical associations of a profile, or of an expression for their reference sets."""
        if isinstance(profile, str):
            return filtering.PROFILES[profile]
        named = self.ids(profile)
        return tuple(kind for refset, kind in ASSOCIATIONS.items() if int(refset) in named)

    def known(self, concept: Concept) -> int:
        """The number of a concept that the release knows. Raises UnknownCode, with its place."""
        number = int(concept.code)
        if not self.store.known(number):
            raise UnknownCode(
                f"{concept.code} is not in the release that is loaded",
                code="unknown-code",
                where=f"ECL, character {concept.at + 1}",
            )
        return number

    def _joined(self, junction: str, parts: tuple[Expression, ...]) -> Ids:
        found = set(self.ids(parts[0]))
        for part in parts[1:]:
            if junction == "OR":
                found |= self.ids(part)
            elif junction == "AND":
                found &= self.ids(part)
            else:
                found -= self.ids(part)
        return found

    def _related(self, operator: Hierarchy, of: Ids) -> Ids:
        store = self.store
        if operator == "!!>":
            return of - store.descendants(of)
        if operator == "!!<":
            return of - store.ancestors(of)
        with_itself = operator[:2] in ("<<", ">>")
        found = {
            "<": store.descendants,
            "<!": store.children,
            ">": store.ancestors,
            ">!": store.parents,
        }[operator[1:] if with_itself else operator](of)
        return found | of if with_itself else found

    # -- one concept

    def test(self, expression: Expression) -> Test:
        """A test whether a concept is in the set of an expression."""
        match expression:
            case Everything():
                return self.store.active
            case Concept():
                return self.known(expression).__eq__
            case Members(Concept() as refset):
                simple = refsets.membership(self.store, self.known(refset))
                refsets.need_kept(self.store, refset)
                return self._test_by_set(expression) if simple is None else simple
            case Related(("<" | "<<") as operator, Concept() as of):
                return self._test_below(self.known(of), operator == "<<")
            case Compound(junction, parts):
                return _test_joined(junction, [self.test(part) for part in parts])
            case Filtered(of, wanted) if not (isinstance(of, Everything) and wanted.active in {"0", "*"}):
                inside = self.test(of)
                return lambda one: inside(one) and bool(self._one_filtered(one, wanted))
            case History(of, profile):
                inside, kinds = self.test(of), self._associations(profile)
                return lambda one: (
                    inside(one) or any(map(inside, filtering.successors(self.store, one, kinds)))
                )
            case Refined(focus, refinement):
                inside = self.test(focus)
                holds = refine.holds(self, refinement)
                return lambda one: inside(one) and holds(one)
            case _:
                return self._test_by_set(expression)

    def _one_filtered(self, one: int, wanted: DescriptionFilter | ConceptFilter) -> Ids:
        if isinstance(wanted, DescriptionFilter):
            return filtering.described(self.store, (one,), wanted)
        return filtering.stated(self.store, (one,), wanted)

    def _test_below(self, ancestor: int, itself: bool) -> Test:
        return lambda one: (itself and one == ancestor) or self.store.below(ancestor, one)

    def _test_by_set(self, expression: Expression) -> Test:
        @cache
        def whole() -> Ids:
            return self.ids(expression)

        return lambda one: one in whole()


def _test_joined(junction: str, tests: list[Test]) -> Test:
    if junction == "OR":
        return lambda one: any(test(one) for test in tests)
    if junction == "AND":
        return lambda one: all(test(one) for test in tests)
    kept, removed = tests
    return lambda one: kept(one) and not removed(one)
