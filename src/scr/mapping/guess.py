"""Which adapter reads a payload, where the payload leaves no doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from scr.errors import Invalid
from scr.mapping.adapter import Adapter
from scr.mapping.report import problems_of
from scr.mapping.trial import Outcome, outcomes

_UNITS = 5
"""So many units of the payload are tried with each adapter."""

Reach = tuple[int, bool, int, int]


def guess(adapters: Mapping[str, Adapter], raw: bytes) -> Adapter:
    """The one adapter that reads the payload; of several, the one that alone carries all of it.

    Raises Invalid that lists the choice where there is none, or more than one.
    """
    fitting = {name: lost for name, adapter in adapters.items() if (lost := _lost(adapter, raw)) is not None}
    if any(_version(adapters[name]) == "R4" for name in fitting):  # what is valid R4 is not STU3
        fitting = {name: lost for name, lost in fitting.items() if _version(adapters[name]) != "STU3"}
    complete = [name for name, lost in fitting.items() if not lost]
    found = complete if len(complete) == 1 else list(fitting)
    if len(found) == 1:
        return adapters[found[0]]
    if found:
        names = ", ".join(sorted(found))
        message = f"{len(found)} adapters read this payload: choose one with --adapter: {names}"
    else:
        message = (
            f"no adapter files any part of it without a problem; {_nearest(adapters, raw)}name one with"
            f" --adapter to see more: {', '.join(sorted(adapters))}"
        )
    raise Invalid(message, code="which-adapter")


def _lost(adapter: Adapter, raw: bytes) -> int | None:
    """How many fields the adapter leaves unread in the first units; None where it files none of them."""
    filed = [
        outcome.mapped
        for outcome in islice(outcomes(adapter, raw), _UNITS)
        if outcome.mapped is not None and not problems_of(outcome)
    ]
    return sum(len(mapped.lost) for mapped in filed) if filed else None


def _nearest(adapters: Mapping[str, Adapter], raw: bytes) -> str:
    """The adapter that comes furthest with the payload, and what stops it; empty where none reads it."""
    best: Reach | None = None
    told = ""
    for name, adapter in adapters.items():
        tried = list(islice(outcomes(adapter, raw), _UNITS))
        reach = _reach(adapter, tried)
        if reach is not None and (best is None or reach > best):
            best = reach
            why = next((f"{each.place}: {why}" for each in tried for why in problems_of(each)), "")
            told = f"the nearest is {name} ({why.rstrip('.')}); "
    return told


def _reach(adapter: Adapter, tried: Sequence[Outcome]) -> Reach | None:
    """How far an adapter comes: it takes this kind of message, its format says something of the payload
    (any JSON is JSON), it finds numbers, it makes resources. None where it decodes nothing."""
    claims = [each.claim for each in tried if each.claim is not None]
    if not claims:
        return None
    return (
        sum(not claim.declined for claim in claims),
        adapter.decode.format not in {"json", "xml"},
        sum(claim.nhs_number is not None for claim in claims),
        sum(len(each.mapped.entries) for each in tried if each.mapped),
    )


def _version(adapter: Adapter) -> str:
    """The version of FHIR that an adapter reads, or an empty text."""
    return str(getattr(adapter.decode, "version", ""))
