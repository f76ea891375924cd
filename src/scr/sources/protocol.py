"""What the broker and a source say to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from scr.consent.actor import Actor
from scr.consent.lifts import Lift
from scr.fhir.demographics import Demographics, ToldOtherwise
from scr.fhir.entry import Entry
from scr.fhir.identifiers import NHSNumber, OdsCode

WRONG_PERSON = "wrong-person"
"""The code of an answer that is about another person than was asked for."""
BREAKER_OPEN = "breaker-open"
"""The code of a source that is left alone for a moment, because it failed some times in a row."""


class Outcome(StrEnum):
    """How a source answered, for a heading or as a whole. The codes are stable: they are in answers."""

    ANSWERED = "answered"
    EMPTY = "empty"
    WITHHELD = "withheld"
    LATE = "late"
    DOWN = "down"
    STALE = "stale"
    INCOMPLETE = "incomplete"
    NOT_ASKED = "not-asked"


@dataclass(frozen=True, slots=True)
class Errand:
    """Why the actor asks: the purpose of use (a code of v3-ActReason), and the kinds of ties that hold now
    between their organisation and the person."""

    purpose: str = "TREAT"
    ties: frozenset[str] = frozenset()


IN_CARE = Errand()
"""Of somebody who treats the person, and of whose ties nothing is said."""


@dataclass(frozen=True, slots=True)
class Question:
    """One person, asked about once. ``deadline`` is a time of the event loop's clock, in seconds.

    ``known`` are the demographics that the person is known by, so that an answer about another one is seen.
    ``former`` are numbers that gave way to theirs, by which a source may still know them.
    ``subject`` is the logical id of the person's Patient; ``person`` the opaque key in the store;
    ``linked`` the opaque keys of those who are read as one with them; ``errand`` why it is asked; ``lifts``
    the labels that somebody has said are wrong on their record; ``otherwise`` what sources told before of
    somebody who may be another.
    """

    nhs_number: NHSNumber
    person: str
    subject: str
    actor: Actor
    deadline: float
    known: tuple[Demographics, ...] = ()
    trace_id: str = ""
    linked: tuple[str, ...] = ()
    former: frozenset[NHSNumber] = frozenset()
    errand: Errand = IN_CARE
    lifts: tuple[Lift, ...] = ()
    otherwise: tuple[ToldOtherwise, ...] = ()

    @property
    def numbers(self) -> frozenset[NHSNumber]:
        """Every NHS Number that an answer about the person may name."""
        return self.former | {self.nhs_number}


@dataclass(frozen=True, slots=True)
class SourceResult:
    """What came of asking one source.

    ``code`` and ``detail`` say why, where it is not plainly answered: a stable code and a sentence
    without anyone's data. ``headings`` overrides the outcome for single headings (an area that the
    source does not support, or withholds). ``elapsed`` is seconds; ``age`` seconds since the data was
    obtained, 0 for a live answer; ``ages`` the same of single headings that are older. ``silent``: nothing
    was heard from the source, neither an answer nor a refusal. ``otherwise`` is whom an answer was about of
    which nothing is used, because it may be another person.
    """

    source: OdsCode
    name: str
    outcome: Outcome
    entries: tuple[Entry, ...] = ()
    headings: Mapping[str, Outcome] = field(default_factory=dict)
    code: str = ""
    detail: str = ""
    elapsed: float = 0.0
    age: float = 0.0
    demographics: Demographics | None = None
    ages: Mapping[str, float] = field(default_factory=dict)
    silent: bool = False
    otherwise: Demographics | None = field(default=None, repr=False)


class Source(Protocol):
    """One provider's system. ``ask`` never raises: a failure is a SourceResult."""

    @property
    def ods(self) -> OdsCode:
        """The provider's organisation."""
        ...

    @property
    def name(self) -> str:
        """The provider's name, for people."""
        ...

    @property
    def headings(self) -> frozenset[str]:
        """The headings that it can contribute to, whatever it answers."""
        ...

    async def ask(self, question: Question) -> SourceResult:
        """The person's entries in this source, within the question's deadline."""
        ...
