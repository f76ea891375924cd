"""What every decoder gives: units, each a tree about one person at most, with its place in the payload."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class BadUnit:
    """A part that could not be decoded, beside good ones: it is quarantined, the others go on."""

    place: str
    raw: bytes
    error: DecodeError
