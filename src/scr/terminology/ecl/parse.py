"""Reading an expression constraint: a recursive descent over its tokens.

The grammar is that of chapter 5 of the specification. AND, OR and MINUS have no order among themselves:
an expression that mixes them without parentheses is refused, as the grammar asks. Filters and history
supplements (``{{ … }}``) are read in ``filters``. Nothing here looks at a release.
"""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

from scr.terminology.ecl.cursor import Cursor
from scr.terminology.ecl.filters import with_filters
from scr.terminology.ecl.tokens import Token, bad, tokens
from scr.terminology.ecl.tree import (
    SOME,
    Attribute,
    Cardinality,
    Comparison,
    Compound,
    Concept,
    Dotted,
    Everything,
    Expression,
    Group,
    Hierarchy,
    Joined,
    Junction,
    Members,
    Refined,
    Refinement,
    Related,
    Value,
)

MAX_DEPTH = 40
_HIERARCHY = frozenset(get_args(Hierarchy))
_COMPARISONS = frozenset(get_args(Comparison))
_JUNCTIONS: dict[str, Junction] = {"AND": "AND", ",": "AND", "OR": "OR", "MINUS": "MINUS"}
_OPERAND = "a concept, *, ^, a hierarchy operator or ("


def parse(text: str) -> Expression:
    """The tree of an expression. Raises Invalid, with the character where it stops and what was expected."""
    parser = _Parser(tokens(text))
    found = parser.expression()
    parser.expect_end()
    return found


class _Parser(Cursor):
    def __init__(self, found: list[Token]) -> None:
        super().__init__(found)
        self._depth = 0
        self._closing = _closing(found)

    def expect_end(self) -> None:
        if self.now.kind != "end":
            raise self.expected("AND, OR, MINUS, a refinement or the end")

    def expression(self) -> Expression:
        """Compound, refined, dotted or simple."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise bad(f"more than {MAX_DEPTH} parentheses within each other: make it flatter", self.now.at)
        first = self._operand()
        found = first
        if self.is_at(":"):
            self.at += 1
            found = Refined(first, self._refinement(in_group=False))
        elif self.is_at("."):
            while self.take("."):
                found = Dotted(found, self._operand())
        elif self.is_at(*_JUNCTIONS):
            found = self._compound(first)
        self._depth -= 1
        return found

    def _compound(self, first: Expression) -> Expression:
        junction = _JUNCTIONS[self.now.value]
        parts = [first]
        while self.is_at(*_JUNCTIONS):
            token = self.now
            if _JUNCTIONS[token.value] != junction or (junction == "MINUS" and len(parts) > 1):
                raise bad(f"{junction} and {token.value} beside each other: put parentheses", token.at)
            self.at += 1
            parts.append(self._operand())
        return Compound(junction, tuple(parts))

    def _operand(self) -> Expression:
        """A hierarchy operator or none, ``^`` or none, a concept, ``*`` or parentheses; its filters."""
        token = self.now
        if token.kind == "sign" and token.value in _HIERARCHY:
            self.at += 1
            found: Expression = Related(token.value, self._member_or_focus())  # type: ignore[arg-type]
        else:
            found = self._member_or_focus()
        return with_filters(self, found, self.expression)

    def _member_or_focus(self) -> Expression:
        if not self.take("^"):
            return self._focus()
        if self.is_at("R"):
            raise bad("^R (the reference sets that hold a concept) is not read here", self.now.at)
        return Members(self._focus())

    def _focus(self) -> Expression:
        token = self.now
        if token.kind == "code":
            self.at += 1
            return Concept(_identifier(token), token.at)
        if self.take("*"):
            return Everything()
        if self.take("("):
            inner = self.expression()
            self.expect(")")
            return inner
        raise self.expected(_OPERAND)

    def _refinement(self, *, in_group: bool) -> Refinement:
        first = self._sub_refinement(in_group=in_group)
        if not self.is_at("AND", ",", "OR"):
            return first
        junction = _JUNCTIONS[self.now.value]
        parts = [first]
        while self.is_at("AND", ",", "OR"):
            token = self.now
            if _JUNCTIONS[token.value] != junction:
                raise bad(f"{junction} and {token.value} beside each other: put parentheses", token.at)
            self.at += 1
            parts.append(self._sub_refinement(in_group=in_group))
        return Joined("OR" if junction == "OR" else "AND", tuple(parts))

    def _sub_refinement(self, *, in_group: bool) -> Refinement:
        cardinality = self._cardinality()
        if self.is_at("{"):
            return self._group(cardinality, in_group=in_group)
        if cardinality is None and self.is_at("(") and not self._parenthesis_names_attributes():
            return self._nested_refinement(in_group=in_group)
        return self._attribute(cardinality or SOME, in_group=in_group)

    def _group(self, cardinality: Cardinality | None, *, in_group: bool) -> Group:
        if in_group:
            raise bad("a group stands within a group: end the outer one before", self.now.at)
        self.at += 1
        inner = self._refinement(in_group=True)
        self.expect("}")
        return Group(inner, cardinality or SOME)

    def _nested_refinement(self, *, in_group: bool) -> Refinement:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise bad(f"more than {MAX_DEPTH} parentheses within each other: make it flatter", self.now.at)
        self.at += 1
        inner = self._refinement(in_group=in_group)
        self.expect(")")
        self._depth -= 1
        return inner

    def _parenthesis_names_attributes(self) -> bool:
        """Whether a comparison follows the closing one: ``(a OR b) = c``, and not ``(a = c OR b = d)``."""
        closing = self._closing.get(self.at)
        return closing is not None and self.tokens[closing + 1].value in _COMPARISONS

    def _cardinality(self) -> Cardinality | None:
        opening = self.take("[")
        if opening is None:
            return None
        least = self._count()
        if self.take("..") is None and self.take("TO") is None:
            raise self.expected("'..'")
        most = None if self.take("*") else self._count()
        self.expect("]")
        if most is not None and most < least:
            raise bad("the second number is below the first", opening.at)
        return Cardinality(least, most)

    def _count(self) -> int:
        token = self.now
        if token.kind != "code" or len(token.value) > 6:
            raise self.expected("a number of up to six digits")
        self.at += 1
        return int(token.value)

    def _attribute(self, cardinality: Cardinality, *, in_group: bool) -> Attribute:
        reverse = self.take("R")
        if reverse is not None and in_group:
            raise bad("R stands within a group: what points at a concept has no group of it", reverse.at)
        name = self._operand()
        token = self.now
        if token.kind != "sign" or token.value not in _COMPARISONS:
            raise self.expected("= or != after the attribute's name")
        self.at += 1
        comparison: Comparison = token.value  # type: ignore[assignment]
        value = self._value(comparison)
        if reverse is not None and not _is_expression(value):
            raise bad("R goes with concepts, not with a concrete value", reverse.at)
        return Attribute(name, comparison, value, reverse is not None, cardinality)

    def _value(self, comparison: Comparison) -> Value:
        token = self.now
        if token.kind == "number":
            self.at += 1
            return Decimal(token.value)
        if comparison not in {"=", "!="}:
            raise self.expected(f"a number such as #5 after {comparison}")
        if token.kind == "text":
            self.at += 1
            return token.value
        if self.is_at("TRUE", "FALSE"):
            self.at += 1
            return token.value == "TRUE"
        return self._operand()


def _identifier(token: Token) -> str:
    if not 6 <= len(token.value) <= 18 or token.value[0] == "0":
        raise bad("a SNOMED CT identifier has 6 to 18 digits and does not begin with 0", token.at)
    return token.value


def _is_expression(value: Value) -> bool:
    return not isinstance(value, Decimal | str | bool)


def _closing(found: list[Token]) -> dict[int, int]:
    """Where each opening parenthesis is closed, by index."""
    closing: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(found):
        if token.kind != "sign":
            continue
        if token.value == "(":
            opened.append(index)
        elif token.value == ")" and opened:
            closing[opened.pop()] = index
    return closing
