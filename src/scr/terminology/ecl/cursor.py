"""A place among the tokens of an expression: what stands there, and what was expected instead."""

from __future__ import annotations

from scr.errors import Invalid
from scr.terminology.ecl.tokens import Token, bad


class Cursor:
    """Goes through tokens, forwards only."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0

    @property
    def now(self) -> Token:
        """The token that stands here."""
        return self.tokens[self.at]

    def is_at(self, *values: str) -> bool:
        """Whether a sign or word of these stands here."""
        return self.now.kind in {"sign", "word", "name"} and self.now.value in values

    def take(self, *values: str) -> Token | None:
        """The same, passed by; None where none of them stands here."""
        if not self.is_at(*values):
            return None
        self.at += 1
        return self.tokens[self.at - 1]

    def take_kind(self, kind: str, what: str) -> Token:
        """The token of a kind, passed by. Raises Invalid, which says ``what`` was expected."""
        if self.now.kind != kind:
            raise self.expected(what)
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, *values: str) -> Token:
        """One of these, passed by. Raises Invalid."""
        token = self.take(*values)
        if token is None:
            raise self.expected(" or ".join(map(repr, values)))
        return token

    def expected(self, what: str) -> Invalid:
        """The error that something else stands here."""
        token = self.now
        if token.kind == "end":
            return bad(f"the expression ends; expected {what}", token.at)
        return bad(f"expected {what}, not {token.value[:20]!r}", token.at)
