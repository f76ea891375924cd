"""What a search asks of terminology: the seam that ``:in``, ``:below`` and ``:above`` go through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Holds = Callable[[str, str], bool]
"""Whether a code, given as system and code, is among some."""


class Codes(Protocol):
    """What answers about codes. Each raises Invalid where it does not know what it is asked about."""

    def value_set(self, url: str) -> Holds:
        """The codes of a value set."""

    def below(self, system: str, code: str) -> Holds:
        """A code and all that are kinds of it."""

    def above(self, system: str, code: str) -> Holds:
        """A code and all that it is a kind of."""
