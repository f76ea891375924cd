"""The decision and its oracle, asked the same questions."""

from __future__ import annotations

from collections import Counter
from random import Random

from tests.assurance.oracle import Oracle
from tests.assurance.tuples import Tuple, draw

from scr.consent.decide import decide, entry_decider
from scr.consent.policy import Policy


def decided(policy: Policy, asked: Tuple) -> tuple[bool, str]:
    """What ``scr`` answers."""
    if asked.entry is None:
        found = decide(asked.request, policy, asked.now)
    else:
        found = entry_decider(asked.request, policy, asked.now)(asked.entry)
    return found.permit, found.code


def differences(
    policy: Policy, oracle: Oracle, seed: str, count: int
) -> tuple[list[tuple[int, Tuple, tuple[bool, str], tuple[bool, str]]], Counter[str]]:
    """The tuples whose answers differ, with their number, and how often each answer was given."""
    found = []
    codes: Counter[str] = Counter()
    for number in range(count):
        asked = draw(Random(f"{seed}/{number}"))
        ours = decided(policy, asked)
        theirs = oracle.answer(asked.request, asked.entry, asked.now)
        codes[theirs[1]] += 1
        if ours != theirs:
            found.append((number, asked, ours, theirs))
    return found, codes
