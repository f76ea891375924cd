"""An expression constraint cut into words and signs, each with its place."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from scr.errors import Invalid

MAX_LENGTH = 8_192
Kind = Literal["sign", "word", "name", "code", "number", "text", "end"]

_LONG = {
    "descendantorselfof": "<<", "descendantof": "<", "childorselfof": "<<!", "childof": "<!",
    "ancestororselfof": ">>", "ancestorof": ">", "parentorselfof": ">>!", "parentof": ">!",
    "memberof": "^", "any": "*", "top": "!!>", "bottom": "!!<",
}  # fmt: skip
"""The words of the long syntax, and the signs that they stand for."""
_WORDS = {
    "and": "AND", "or": "OR", "minus": "MINUS", "r": "R", "reverseof": "R", "true": "TRUE", "false": "FALSE",
    "to": "TO",
}  # fmt: skip

_TOKEN = re.compile(
    r"""(?P<space>\s+|/\*.*?\*/)
      | (?P<term>\|[^|]*\|)
      | (?P<text>"(?:[^"\\]|\\["\\])*")
      | (?P<fields>(?:\^|(?i:memberof))\s*\[)
      | (?P<number>\#[+-]?\d+(?:\.\d+)?)
      | (?P<code>\d+)
      | (?P<word>[A-Za-z][A-Za-z0-9-]*\#|[A-Za-z]+)
      | (?P<sign><<!|>>!|!!>|!!<|<<|>>|<!|>!|<=|>=|!=|<>|\{\{|\.\.|[<>^*():,{}=.\[\]+])
    """,
    re.VERBOSE | re.DOTALL,
)

_FILTER = re.compile(r"(?P<sign>\}\})|(?P<word>[A-Za-z]+(?:[-_][A-Za-z]+)*)")
"""What is read otherwise between ``{{`` and ``}}``: names with dashes, and its end."""


class Token(NamedTuple):
    """A sign, word, code, number or text, and where it begins (from 0); a ``name`` is a filter's own word."""

    kind: Kind
    value: str
    at: int


def bad(message: str, at: int) -> Invalid:
    """The error of an expression that cannot be read, with the place counted from 1."""
    return Invalid(message, code="bad-ecl", where=f"ECL, character {at + 1}")


def tokens(text: str) -> list[Token]:
    """The tokens, the last of which is the end. Terms between pipes and comments are left out.

    Raises Invalid where a character belongs to nothing, or the text is longer than ``MAX_LENGTH``.
    """
    if len(text) > MAX_LENGTH:
        raise bad(f"the expression is longer than {MAX_LENGTH} characters: cut it in parts", MAX_LENGTH)
    found: list[Token] = []
    at = 0
    filtering = False
    while at < len(text):
        match = (_FILTER.match(text, at) if filtering else None) or _TOKEN.match(text, at)
        if match is None:
            raise bad(_unreadable(text, at), at)
        filtering = match.group() == "{{" or (filtering and match.group() != "}}")
        token = _token(str(match.lastgroup), match.group(), at, filtering=filtering)
        if token is not None:
            found.append(token)
        at = match.end()
    found.append(Token("end", "", len(text)))
    return found


def _token(kind: str, value: str, at: int, *, filtering: bool) -> Token | None:
    if kind in {"space", "term"}:
        return None
    if kind == "fields":
        raise bad("fields of a reference set (^ [ … ]) are not read here", at)
    if kind == "word":
        lowered = value.lower()
        known = lowered in _LONG or lowered in _WORDS
        return Token("name", lowered, at) if filtering and not known else _word(value, at)
    if kind == "text":
        return Token("text", value[1:-1].replace('\\"', '"').replace("\\\\", "\\"), at)
    if kind == "number":
        return Token("number", value[1:], at)
    if kind == "code":
        return Token("code", value, at)
    return Token("sign", "!=" if value == "<>" else value, at)


def _word(value: str, at: int) -> Token:
    lowered = value.lower()
    if lowered in _LONG:
        return Token("sign", _LONG[lowered], at)
    if value.endswith("#"):
        raise bad(f"identifiers of other schemes ({value[:20]}…) are not read here: name the concept", at)
    if lowered not in _WORDS:
        raise bad(f"{value[:20]!r} is no word of the language: AND, OR, MINUS, R", at)
    return Token("word", _WORDS[lowered], at)


def _unreadable(text: str, at: int) -> str:
    if text[at] == "|":
        return "a term begins here and does not end: close it with |"
    if text[at] == '"':
        return 'a text begins here and does not end: close it with "'
    if text.startswith("/*", at):
        return "a comment begins here and does not end: close it with */"
    return f"{text[at]!r} belongs to nothing: expected a concept, an operator or a parenthesis"
