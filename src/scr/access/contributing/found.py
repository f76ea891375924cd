"""What is found of something that a person wants to add."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: ``field`` is where (a name of the form), ``code`` stable, ``sentence`` for people."""

    field: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do at once. ``level``: ``999``, ``111`` or ``gp``."""

    level: str
    text: str
