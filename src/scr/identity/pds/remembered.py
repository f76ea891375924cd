"""What PDS said a short while ago, in memory: so many answers, each for so long."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from scr.fhir.identifiers import NHSNumber
from scr.identity.pds.facts import Settled


class Remembered:
    """Settled answers by number. ``seconds`` is how long one is good; the oldest give way to new ones."""

    def __init__(self, clock: Callable[[], float], seconds: float, most: int = 5000) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._answers: OrderedDict[NHSNumber, tuple[float, Settled]] = OrderedDict()

    def get(self, number: NHSNumber) -> Settled | None:
        """What was said of a number, if it is still good."""
        found = self._answers.get(number)
        if found is None:
            return None
        if self._clock() >= found[0]:
            del self._answers[number]
            return None
        return found[1]

    def put(self, number: NHSNumber, answer: Settled) -> None:
        """Remember an answer."""
        self._answers[number] = self._clock() + self._seconds, answer
        self._answers.move_to_end(number)
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)
