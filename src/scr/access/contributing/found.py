"""What is found of something that a person wants to add."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scr.errors import Unprocessable


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


class NotTaken(Unprocessable):
    """What was sent is not kept as it is: ``findings`` say what to change or (``unsure``) to confirm."""

    default_code = "not-taken"

    def __init__(
        self, findings: Sequence[Finding], *, unsure: bool = False, advice: Advice | None = None
    ) -> None:
        """``advice`` is said all the same."""
        message = "are you sure? Say so, and send it again" if unsure else "something has to be changed"
        super().__init__(message, code="unsure" if unsure else "not-taken")
        self.findings = tuple(findings)
        self.unsure = unsure
        self.advice = advice
