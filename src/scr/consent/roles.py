"""What a job role comes to, and what the activities add that a sign-in says its holder was given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Level = Literal["U", "L", "M", "N", "R", "V"]
LEVELS: tuple[Level, ...] = ("U", "L", "M", "N", "R", "V")
"""Codes of v3-Confidentiality, least first."""


@dataclass(frozen=True, slots=True)
class Role:
    """What a job role comes to, its activities added up. ``writes``: pairs of a resource type and a letter
    of ``cu``."""

    code: str
    name: str
    headings: frozenset[str]
    interactions: frozenset[str]
    clearance: Level
    activities: frozenset[str] = frozenset()
    writes: frozenset[tuple[str, str]] = frozenset()


def joined(role: Role, more: Iterable[Role]) -> Role:
    """A role with what others open added to it; it keeps its code and its name."""
    for one in more:
        role = replace(
            role,
            headings=role.headings | one.headings,
            interactions=role.interactions | one.interactions,
            clearance=max(role.clearance, one.clearance, key=LEVELS.index),
            activities=role.activities | one.activities,
            writes=role.writes | one.writes,
        )
    return role
