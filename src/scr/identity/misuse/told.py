"""A finding in words: what each signal says, without anything of a record and without a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from scr.store.misuse.findings import Finding, Status

STATUSES: Mapping[Status, str] = {
    Status.NEW: "New",
    Status.EXPLAINED: "Explained",
    Status.MISUSE: "Misuse",
    Status.NOT_MISUSE: "Not misuse",
}
"""What was made of a finding, in words."""

_SAID: Mapping[str, Callable[[Mapping[str, int]], str]] = {
    "own-record": lambda _: "By the staff list it is the user's own record.",
    "same-surname": lambda facts: (
        f"The person has the user's surname, which {_others(facts['others'])} on the staff list."
    ),
    "same-postcode": lambda _: "The person lives at the user's postcode.",
    "colleague": lambda _: "The person is on the staff list, at the user's organisation.",
    "vip": lambda _: "The person is on the list of those who are looked up by the curious.",
    "no-relationship": lambda facts: (
        "The organisation had no relationship with the person, and none was told of by the next day"
        + (": the user claimed one, or broke the glass." if facts["claimed"] else ".")
    ),
    "quiet": lambda facts: f"What was last told of the relationship was {facts['days']} days old.",
    "refused": lambda facts: (
        f"{_times(facts['times'])} refused, for want of a relationship; none was told of by the next day."
    ),
    "alone": lambda facts: (
        f"Nobody else at the organisation looked at the person on that day or in the {facts['days']} before."
    ),
    "returning": lambda facts: (
        f"The user looked at the person on {facts['times']} of the last {facts['days']} days."
    ),
    "night": lambda facts: (
        f"It was after {facts['hour']:02d}:00 at night: of what people in the role look at, "
        f"{facts['of_1000']} in 1,000 is at night."
    ),
    "night-unheard": lambda _: "Next to nobody in the role looks at night.",
    "volume": lambda facts: (
        f"The user looked at {facts['people']} people on that day. The middle one of the days of the "
        f"{facts['users']} others in the role before has {facts['usual']}."
    ),
    "refused-often": lambda facts: (
        f"On that day the user asked about {facts['people']} people with whom the organisation has no "
        "relationship, and was refused."
    ),
}
SIGNALS = frozenset(_SAID)
"""The signals that there are words for."""


def evidence(finding: Finding) -> list[str]:
    """Why it was raised, a sentence for each signal."""
    return [_SAID[code](facts) for code, facts in finding.seen.signals.items() if code in _SAID]


def _others(count: int) -> str:
    return "nobody else has" if count == 0 else f"{count} other has" if count == 1 else f"{count} others have"


def _times(count: int) -> str:
    return "A look was" if count == 1 else f"{count} looks were"
