"""What PDS can say, as a closed set. There is no input or output here.

A ``Settled`` answer is one by which a unit can be filed, or not; a ``Waiting`` one says nothing about
anybody: whoever got it asks again later, and files nothing meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scr.fhir.identifiers import NHSNumber
from scr.fhir.pds import PdsPerson


@dataclass(frozen=True, slots=True)
class Found:
    """The number is in use, and this is whose it is."""

    person: PdsPerson
    score: float = 1.0
    """Below 1 where a search found the person by what only resembles them."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """The number that was asked for gave way to ``person.number``: it is the same person."""

    asked: NHSNumber
    person: PdsPerson


@dataclass(frozen=True, slots=True)
class Invalidated:
    """The number was taken out of use, and nothing is to be filed under it."""

    asked: NHSNumber


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Nobody has this number, or nobody is as was searched for."""


@dataclass(frozen=True, slots=True)
class Several:
    """A search matches several persons: it is nobody's answer."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Down, slow, or too busy. ``code`` says how; ``retry_after`` is seconds, where it named them."""

    code: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """PDS would not answer us (``denied``), or what came cannot be trusted: about another number than was
    asked, malformed, cut off. ``code`` says which; nothing of it is used."""

    code: str
    detail: str = field(default="", compare=False)


Settled = Found | Superseded | Invalidated | NotKnown
Waiting = Unreachable | Refused
NumberAnswer = Settled | Waiting
"""What comes of asking for a number."""
SearchAnswer = Found | NotKnown | Several | Waiting
"""What comes of searching by demographics."""

Facts = Mapping[NHSNumber, Settled]
"""What PDS said of the numbers that a batch claims. A number that is not in it was not asked about: PDS is
not connected, or the person was checked a short while ago."""
NO_FACTS: Facts = {}
