"""A proposed policy over the looks of the audit: who would have gained or lost what.

Each look is decided again under both policies at its own time, with the facts of the person as they are
known today. What that cannot know stands in ``UNKNOWN``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from scr.broker.query import Broker
from scr.consent.actor import Actor, ActorKind
from scr.consent.breakglass import BTG, BrokenGlass
from scr.consent.compare import Shift, shift
from scr.consent.policy import Policy
from scr.consent.request import AccessRequest, Interaction
from scr.fhir.dates import utc
from scr.fhir.identifiers import OdsCode
from scr.store.trail import AuditRow

URGENT = frozenset({BTG, "ETREAT"})
UNKNOWN = (
    "the scopes of a token are not in the audit: all are taken to have been user/*.rs",
    "the assurance of a sign-in is not in the audit: it is taken to have been what is asked for",
    "the facts are those of today: what was known of relationships and wishes then, and is gone, is not seen",
    "a glass that was open at the time is taken to have been in order",
    "entries are not decided again: what a change of labels or of clearance opens or closes is not counted",
    "people who were erased since, and looks of citizens, are left out",
)


@dataclass(frozen=True, slots=True)
class Who:
    """Whose looks they are: a job role at an organisation, for a purpose."""

    role: str
    organisation: str
    purpose: str


@dataclass(slots=True)
class Change:
    """What becomes of the looks of one group; ``people`` counts those whom they were about."""

    looks: int = 0
    refused: int = 0
    opened: int = 0
    people: set[str] = field(default_factory=set)
    gains: Counter[str] = field(default_factory=Counter)
    loses: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Replay:
    """The looks that were decided again, those that could not be, and what changes by group.

    ``urgent`` counts looks under a broken glass, or for treatment in an emergency, that were permitted and
    would be refused.
    """

    looks: int = 0
    left_out: int = 0
    urgent: int = 0
    changes: dict[Who, Change] = field(default_factory=dict)


async def replay(broker: Broker, rows: Sequence[AuditRow], old: Policy, new: Policy) -> Replay:
    """Decide the looks among the rows again, each under both policies."""
    found = Replay()
    sources = tuple(broker.source_headings())
    before, after = (replace(policy, assurance={}) for policy in (old, new))
    for row in rows:
        request = await _request(broker, row)
        if request is None:
            found.left_out += 1
            continue
        found.looks += 1
        changed = shift(request, before, after, utc(row.at), sources)
        if changed is not None:
            _count(found, row, changed)
    return found


def is_look(row: AuditRow) -> bool:
    """Whether a row is somebody's look at a person's record, in a role at an organisation."""
    return row.person is not None and bool(row.role and row.organisation) and row.outcome != "failed"


async def _request(broker: Broker, row: AuditRow) -> AccessRequest | None:
    try:
        organisation = OdsCode.parse(row.organisation)
    except ValueError:
        return None
    actor = Actor(
        ActorKind.PROFESSIONAL,
        row.actor or "nobody known",
        role=row.role,
        organisation=organisation,
        scopes=frozenset({"user/*.rs"}),
    )
    known = await broker.by_person(row.person or "", actor)
    if known is None:
        return None
    urgent = row.purpose if row.purpose in URGENT else "TREAT"
    request = known.request(actor, Interaction.READ, urgent)
    if row.purpose != BTG:
        return request
    glass = BrokenGlass(
        "of then", row.person or "", actor.subject, row.role, organisation, row.at, row.at + 1
    )
    return replace(request, glass=glass)


def _count(found: Replay, row: AuditRow, changed: Shift) -> None:
    who = Who(row.role, row.organisation, row.purpose)
    group = found.changes.setdefault(who, Change())
    group.looks += 1
    group.people.add(row.person or "")
    group.refused += changed.permitted and not changed.permits
    group.opened += changed.permits and not changed.permitted
    group.gains.update({heading for _, heading in changed.gains})
    group.loses.update({heading for _, heading in changed.loses})
    if changed.before != changed.after:
        group.codes[f"{changed.before} becomes {changed.after}"] += 1
    found.urgent += row.purpose in URGENT and changed.permitted and not changed.permits
