"""Reading an expression constraint: a recursive descent over its tokens.

The grammar is that of chapter 5 of the specification. AND, OR and MINUS have no order among themselves:
an expression that mixes them without parentheses is refused, as the grammar asks. Filters (``{{ … }}``) and
history supplements are refused by name. Nothing here looks at a release.
"""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

from scr.errors import Invalid
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


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0
        self._depth = 0
        self._closing = _closing(found)

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    def _is(self, *values: str) -> bool:
        return self._now.kind in {"sign", "word"} and self._now.value in values

    def _take(self, *values: str) -> Token | None:
        if not self._is(*values):
            return None
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, value: str) -> None:
        if self._take(value) is None:
            raise self._expected(repr(value))

    def _expected(self, what: str) -> Invalid:
        token = self._now
        if token.kind == "end":
            return bad(f"the expression ends; expected {what}", token.at)
        return bad(f"expected {what}, not {token.value[:20]!r}", token.at)

    def expect_end(self) -> None:
        if self._now.kind != "end":
            raise self._expected("AND, OR, MINUS, a refinement or the end")

    def expression(self) -> Expression:
        """Compound, refined, dotted or simple."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise bad(f"more than {MAX_DEPTH} parentheses within each other: make it flatter", self._now.at)
        first = self._operand()
        found = first
        if self._is(":"):
            self._at += 1
            found = Refined(first, self._refinement(in_group=False))
        elif self._is("."):
            while self._take("."):
                found = Dotted(found, self._operand())
        elif self._is(*_JUNCTIONS):
            found = self._compound(first)
        self._depth -= 1
        return found

    def _compound(self, first: Expression) -> Expression:
        junction = _JUNCTIONS[self._now.value]
        parts = [first]
        while self._is(*_JUNCTIONS):
            token = self._now
            if _JUNCTIONS[token.value] != junction or (junction == "MINUS" and len(parts) > 1):
                raise bad(f"{junction} and {token.value} beside each other: put parentheses", token.at)
            self._at += 1
            parts.append(self._operand())
        return Compound(junction, tuple(parts))

    def _operand(self) -> Expression:
        """A hierarchy operator or none, ``^`` or none, and a concept, ``*`` or parentheses."""
        token = self._now
        if token.kind == "sign" and token.value in _HIERARCHY:
            self._at += 1
            return Related(token.value, self._member_or_focus())  # type: ignore[arg-type]
        return self._member_or_focus()

    def _member_or_focus(self) -> Expression:
        return Members(self._focus()) if self._take("^") else self._focus()

    def _focus(self) -> Expression:
        token = self._now
        if token.kind == "code":
            self._at += 1
            return Concept(_identifier(token), token.at)
        if self._take("*"):
            return Everything()
        if self._take("("):
            inner = self.expression()
            self._expect(")")
            return inner
        raise self._expected(_OPERAND)

    def _refinement(self, *, in_group: bool) -> Refinement:
        first = self._sub_refinement(in_group=in_group)
        if not self._is("AND", ",", "OR"):
            return first
        junction = _JUNCTIONS[self._now.value]
        parts = [first]
        while self._is("AND", ",", "OR"):
            token = self._now
            if _JUNCTIONS[token.value] != junction:
                raise bad(f"{junction} and {token.value} beside each other: put parentheses", token.at)
            self._at += 1
            parts.append(self._sub_refinement(in_group=in_group))
        return Joined("OR" if junction == "OR" else "AND", tuple(parts))

    def _sub_refinement(self, *, in_group: bool) -> Refinement:
        cardinality = self._cardinality()
        if self._is("{"):
            return self._group(cardinality, in_group=in_group)
        if cardinality is None and self._is("(") and not self._parenthesis_names_attributes():
            return self._nested_refinement(in_group=in_group)
        return self._attribute(cardinality or SOME, in_group=in_group)

    def _group(self, cardinality: Cardinality | None, *, in_group: bool) -> Group:
        if in_group:
            raise bad("a group stands within a group: end the outer one before", self._now.at)
        self._at += 1
        inner = self._refinement(in_group=True)
        self._expect("}")
        return Group(inner, cardinality or SOME)

    def _nested_refinement(self, *, in_group: bool) -> Refinement:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise bad(f"more than {MAX_DEPTH} parentheses within each other: make it flatter", self._now.at)
        self._at += 1
        inner = self._refinement(in_group=in_group)
        self._expect(")")
        self._depth -= 1
        return inner

    def _parenthesis_names_attributes(self) -> bool:
        """Whether a comparison follows the closing one: ``(a OR b) = c``, and not ``(a = c OR b = d)``."""
        closing = self._closing.get(self._at)
        return closing is not None and self._tokens[closing + 1].value in _COMPARISONS

    def _cardinality(self) -> Cardinality | None:
        opening = self._take("[")
        if opening is None:
            return None
        least = self._count()
        if self._take("..") is None and self._take("TO") is None:
            raise self._expected("'..'")
        most = None if self._take("*") else self._count()
        self._expect("]")
        if most is not None and most < least:
            raise bad("the second number is below the first", opening.at)
        return Cardinality(least, most)

    def _count(self) -> int:
        token = self._now
        if token.kind != "code" or len(token.value) > 6:
            raise self._expected("a number of up to six digits")
        self._at += 1
        return int(token.value)

    def _attribute(self, cardinality: Cardinality, *, in_group: bool) -> Attribute:
        reverse = self._take("R")
        if reverse is not None and in_group:
            raise bad("R stands within a group: what points at a concept has no group of it", reverse.at)
        name = self._operand()
        token = self._now
        if token.kind != "sign" or token.value not in _COMPARISONS:
            raise self._expected("= or != after the attribute's name")
        self._at += 1
        comparison: Comparison = token.value  # type: ignore[assignment]
        value = self._value(comparison)
        if reverse is not None and not _is_expression(value):
            raise bad("R goes with concepts, not with a concrete value", reverse.at)
        return Attribute(name, comparison, value, reverse is not None, cardinality)

    def _value(self, comparison: Comparison) -> Value:
        token = self._now
        if token.kind == "number":
            self._at += 1
            return Decimal(token.value)
        if comparison not in {"=", "!="}:
            raise self._expected(f"a number such as #5 after {comparison}")
        if token.kind == "text":
            self._at += 1
            return token.value
        if self._is("TRUE", "FALSE"):
            self._at += 1
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
