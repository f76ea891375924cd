"""What a decision comes to for each heading of each source, whatever anybody has under it.

For whoever watches over privacy: the rules are asked about an entry that nobody has, one without a label,
a date or a name. So it tells which part of a record is open, and nothing of what stands there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from scr.consent.decide import entry_decider
from scr.consent.policy import Policy
from scr.consent.request import AccessRequest, Decision, Reason
from scr.consent.rules import ACTOR_RULES, ENTRY_RULES, PERSON_RULES
from scr.fhir.entry import Entry
from scr.fhir.headings import HEADINGS, types_under

_NO_TYPE = "Basic"
"""For a heading under which nothing stands by its type alone."""
_REMEDIES = {
    **{rule.name: rule.remedy for rule in (*ACTOR_RULES, *PERSON_RULES)},
    **{rule.name: rule.remedy for rule in ENTRY_RULES},
}


@dataclass(frozen=True, slots=True)
class Part:
    """One heading, of those sources of which the answer is the same.

    ``types`` are the resource types that it is about, none for all of the heading. ``reason`` is why it is
    closed, and ``remedy`` what would change that; none where it is open.
    """

    heading: str
    sources: tuple[str, ...]
    permit: bool
    reason: Reason | None = None
    remedy: str = ""
    types: tuple[str, ...] = ()


def parts(request: AccessRequest, policy: Policy, now: datetime, sources: Iterable[str]) -> tuple[Part, ...]:
    """Every heading of every source, those of which the same is said together."""
    named, decide_entry = sorted(sources), entry_decider(request, policy, now)

    def told(heading: str, source: str) -> Iterator[Part]:
        found: defaultdict[Decision, list[str]] = defaultdict(list)
        for kind in sorted(types_under(heading)) or [_NO_TYPE]:
            found[decide_entry(Entry(kind, "", source, heading, b"{}"))].append(kind)
        for decision, kinds in found.items():
            reason = None if decision.permit else decision.reasons[0]
            remedy = _REMEDIES.get(decision.rule, "")
            types = () if len(found) == 1 else tuple(kinds)
            yield Part(heading, (), decision.permit, reason, remedy, types)

    sources_of: defaultdict[Part, list[str]] = defaultdict(list)
    for heading in HEADINGS:
        for source in named:
            for part in told(heading, source):
                sources_of[part].append(source)
    return tuple(replace(part, sources=tuple(found)) for part, found in sources_of.items())
