"""Two policies beside each other: what a proposed one would open and what it would close.

``differences`` compares what the files say, ``shift`` what they come to for one request.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from scr.consent.decide import decide, opened_headings
from scr.consent.policy import Policy, Role
from scr.consent.request import AccessRequest

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes for ``who``: headings that are gained and lost, or a sentence on something else."""

    who: str
    gains: frozenset[str] = _NOTHING
    loses: frozenset[str] = _NOTHING
    note: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """What one request comes to under both: the codes of the decisions, and headings by source."""

    before: str
    after: str
    permitted: bool
    permits: bool
    gains: frozenset[tuple[str, str]] = frozenset()
    loses: frozenset[tuple[str, str]] = frozenset()


def shift(
    request: AccessRequest, old: Policy, new: Policy, now: datetime, sources: Iterable[str]
) -> Shift | None:
    """What changes for a request, None for nothing. Headings that are closed to it are compared by source."""
    before, after = decide(request, old, now), decide(request, new, now)
    named = tuple(sources)
    opened = [
        {(source, heading) for source, found in opened_headings(request, policy, now, named).items()
         for heading in found}
        for policy in (old, new)
    ]  # fmt: skip
    if before.permit == after.permit and opened[0] == opened[1]:
        return None
    return Shift(
        before.code,
        after.code,
        before.permit,
        after.permit,
        frozenset(opened[1] - opened[0]),
        frozenset(opened[0] - opened[1]),
    )


def differences(old: Policy, new: Policy) -> tuple[Difference, ...]:
    """What the files of two policies say otherwise, by job role and type of organisation."""
    return (*_by_role(old, new), *_beside(old, new))


def _by_role(old: Policy, new: Policy) -> Iterator[Difference]:
    kinds = sorted({*old.agreements.names, *new.agreements.names})
    purposes = sorted(old.purposes | new.purposes)
    for code in sorted({*old.roles, *new.roles}):
        changed: defaultdict[tuple[frozenset[str], frozenset[str]], list[str]] = defaultdict(list)
        for kind in kinds:
            for purpose in purposes:
                before, after = (_opens(policy, code, kind, purpose) for policy in (old, new))
                if before != after:
                    changed[after - before, before - after].append(f"{kind} for {purpose}")
        for (gains, loses), where in changed.items():
            everywhere = len(where) == len(kinds) * len(purposes)
            at = "anywhere" if everywhere else ", ".join(where)
            yield Difference(f"{code} at {at}", gains, loses)
        yield from _of_role(code, old, new)


def _opens(policy: Policy, code: str, kind: str, purpose: str) -> frozenset[str]:
    """The headings that a role at a type of organisation sees of some source."""
    role = policy.roles.get(code)
    if role is None or purpose not in policy.purposes or not role.interactions:
        return _NOTHING
    sources = (*policy.agreements.names, "")
    return frozenset(
        heading
        for heading in role.headings
        if any(policy.agreements.shares(kind, heading, purpose, source) for source in sources)
    )


def _of_role(code: str, old: Policy, new: Policy) -> Iterator[Difference]:
    before, after = old.roles.get(code), new.roles.get(code)
    if before is None or after is None:
        yield Difference(code, note="is not known any more" if after is None else "is new")
        return
    notes = [
        f"{what} {_words(was)} becomes {_words(becomes)}"
        for what, was, becomes in (
            ("clearance", before.clearance, after.clearance),
            ("interactions", before.interactions, after.interactions),
            ("what a broken glass lifts", _lifts(old, before), _lifts(new, after)),
            ("activities", before.activities, after.activities),
        )
        if was != becomes
    ]
    if notes:
        yield Difference(code, note="; ".join(notes))


def _lifts(policy: Policy, role: Role) -> frozenset[str]:
    return frozenset(policy.glass.lifted_for(role.activities))


def _words(value: str | frozenset[str]) -> str:
    return value if isinstance(value, str) else " ".join(sorted(value)) or "nothing"


def _beside(old: Policy, new: Policy) -> Iterator[Difference]:
    """Files whose change cannot be told by role: that they say something else is all that is told here."""
    for name, same in (
        ("agreements.yaml, sources that are told apart", old.agreements == new.agreements),
        ("labels.yaml", old.labels == new.labels),
        ("proxies.yaml", old.proxies == new.proxies),
        ("relationships.yaml", old.ties == new.ties),
        ("breakglass.yaml", old.glass == new.glass),
        ("assurance of roles.yaml", old.assurance == new.assurance),
        ("granted of roles.yaml", old.granted == new.granted),
    ):
        if not same:
            yield Difference(name, note="says something else")
