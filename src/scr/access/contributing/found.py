"""What is found of something that a person wants to add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scr.errors import Unprocessable


def N_(text: str) -> str:  # noqa: N802 - the name under which catalogues know it
    """Mark a sentence for the catalogue: whoever shows it says it in the language of the page."""
    return text


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: ``where`` is a name of the form, ``code`` stable.

    ``text`` is for people, with ``%(name)s`` for its ``values``: what says it in another language has both.
    """

    where: str
    code: str
    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What is said of it, in English."""
        return self.text % self.values if self.values else self.text


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
