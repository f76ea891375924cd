"""What the national register is asked before units are filed, and how long a message waits for it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scr.decode.tree import BadUnit, Unit
from scr.errors import Invalid
from scr.fhir.identifiers import NHSNumber
from scr.identity.pds.checks import NumberChecks
from scr.identity.pds.facts import NO_FACTS, Facts
from scr.mapping.adapter import Adapter
from scr.mapping.run import claim
from scr.store.messages import Wait

UNTRUSTED = "register-untrusted"
UNTRUSTED_SENTENCE = (
    "What the national register answered about its NHS Number could not be trusted, several times: "
    "ask by hand (`scr identity trace`), and try it again when that is mended."
)

_FIRST_PAUSE = 5_000
_LONGEST_PAUSE = 60_000
_PATIENCE = 5
"""Answers about one message that cannot be used, before its unit goes to a human and the feed goes on."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What there is to file a batch by. ``untrusted`` are the numbers that a unit at a place claims and of
    which the answer cannot be used. ``again_in`` (ms): the batch cannot be filed yet; None where it can."""

    facts: Facts = field(default_factory=lambda: NO_FACTS, repr=False)
    untrusted: Mapping[str, NHSNumber] = field(default_factory=dict, repr=False)
    again_in: int | None = None


class RegisterDesk:
    """Asks about the numbers of units; without ``checks`` nobody is asked, and nothing waits."""

    def __init__(self, checks: NumberChecks | None) -> None:
        self._checks = checks

    @property
    def asks(self) -> bool:
        """Whether the register is connected."""
        return self._checks is not None

    async def answers(self, adapter: Adapter, batch: Iterable[Unit | BadUnit]) -> Answers:
        """What is said of the numbers that a batch claims."""
        if self._checks is None:
            return Answers()
        claimed = claims(adapter, batch)
        checked = await self._checks.check(set(claimed.values()))
        untrusted = {place: number for place, number in claimed.items() if number in checked.refused}
        if checked.unreachable is not None:
            return Answers(checked.facts, untrusted, int((checked.unreachable.retry_after or 0) * 1000))
        return Answers(checked.facts, untrusted)


def claims(adapter: Adapter, batch: Iterable[Unit | BadUnit]) -> dict[str, NHSNumber]:
    """The number that each unit names, by its place: of those that name one."""
    found = {}
    for unit in batch:
        if isinstance(unit, BadUnit):
            continue
        try:
            stated = claim(adapter, unit)
        except Invalid:
            continue
        if stated.nhs_number is not None:
            found[unit.place] = stated.nhs_number
    return found


def next_wait(before: Wait, answers: Answers, now: int) -> Wait | None:
    """When to try a message again by these answers; None where it is to be filed as far as it can be.

    The pause doubles, is as long as the register asked for, and never over a minute or so: while the
    register is left alone a try costs nothing, and then a message is not kept waiting long.
    """
    if answers.again_in is None and (not answers.untrusted or before.refusals + 1 >= _PATIENCE):
        return None
    doubled = min(_FIRST_PAUSE * 2 ** min(before.tries, 10), _LONGEST_PAUSE)
    pause = max(doubled, min(answers.again_in or 0, 10 * _LONGEST_PAUSE))
    refusals = before.refusals + (answers.again_in is None)
    return Wait(before.tries + 1, refusals, now + int(pause * random.uniform(0.8, 1.0)))  # noqa: S311 - a delay
