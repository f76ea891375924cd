"""What every decoder gives: units, each a tree about one person at most, with its place in the payload."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scr.errors import Invalid

Tree = Mapping[str, Any]
"""Nested mappings, lists and scalars, as JMESPath walks them."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One message, row or bundle: the smallest part that is filed or quarantined by itself.

    ``place`` names it for people, without anyone's data: ``row 17``, ``message``, ``bundle``.
    ``raw`` is its own bytes, so that it can be kept and tried again by itself.
    """

    tree: Tree
    place: str
    raw: bytes


class DecodeError(Invalid):
    """The bytes are not what the adapter says they are; the message names the place and the remedy."""

    default_code = "undecodable"


class NoColumn(DecodeError):
    """A table whose header lacks a column that is read. ``nearest`` is a name in it that is like that of the
    column; empty where none is. ``table`` is what people call the table: ``file``, ``sheet``."""

    default_code = "no-column"

    def __init__(
        self, column: str, header: Sequence[str], *, where: str, table: str, otherwise: str = ""
    ) -> None:
        self.column, self.nearest = column, _nearest(column, header)
        hint = f"; the nearest in the {table} is {self.nearest!r}" if self.nearest else otherwise
        super().__init__(f"the column {column!r} is not in the header{hint}", where=where)


def _nearest(name: str, names: Sequence[str]) -> str:
    """A name that differs in its case, its spaces and marks only; else one that looks like it."""
    plain = {_plain(other): other for other in reversed(names) if other}
    if _plain(name) in plain:
        return plain[_plain(name)]
    near = difflib.get_close_matches(_plain(name), plain, n=1)
    return plain[near[0]] if near else ""


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


@dataclass(frozen=True, slots=True)
class BadUnit:
    """A part that could not be decoded, beside good ones: it is quarantined, the others go on."""

    place: str
    raw: bytes
    error: DecodeError
