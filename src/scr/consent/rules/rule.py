"""What a rule is: a name, a question, and a function that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from scr.consent.breakglass import Lift
from scr.consent.case import Case
from scr.consent.request import Reason
from scr.fhir.entry import Entry

Ask = TypeVar("Ask")
AskWhole = Callable[[Case], Reason | None]
AskEntry = Callable[[Case, Entry], Reason | None]


@dataclass(frozen=True, slots=True)
class Rule(Generic[Ask]):
    """One row: its stable name, what it asks, what would change its answer, and what may lift it."""

    name: str
    question: str
    remedy: str
    ask: Ask
    lift: Lift | None = None
