"""What PDS can say, as a closed set. There is no input or output here.

A ``Settled`` answer is one by which a unit can be filed, or not; a ``Waiting`` one says nothing about
anybody: whoever got it asks again later, and files nothing meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    """Nothing is heard of anyone: it is down, slow or too busy, or does not let us in (``denied``).

    ``code`` says which; ``retry_after`` is the pause in seconds that it named, or that we keep.
    """

    code: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """PDS answered, and the answer cannot be trusted: it is about somebody else than was asked about
    (``other-person``), to another question (``other-answer``), or ``malformed``; or it will not take the
    question (``http-400``). Nothing of it is used."""

    code: str


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
