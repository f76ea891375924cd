"""Ties: why an organisation has to do with a person, and how long that lasts.

``relationships.yaml`` says for each kind of tie how long it holds: until its source says that it is over
and some days more, and no longer than some days after it was last told. Validated when it is loaded: a
mistake stops the load and names the file and the line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from scr.consent.actor import Actor
from scr.data import DataFiles, load_yaml
from scr.fhir.dates import milliseconds
from scr.fhir.identifiers import OdsCode

RELATIONSHIPS_FILE = "relationships.yaml"

DeclaredKind = Literal[
    "registration", "encounter", "referral", "care-team", "caseload", "placement", "care"
]  # fmt: skip
"""What a source tells of: registered with a practice, seen in an encounter, referred to, in the care team,
on the caseload, placed there; ``care`` is that it sends something about the person."""
TieKind = Literal[
    "registration", "encounter", "referral", "care-team", "caseload", "placement", "care", "self-claimed"
]
DECLARED_KINDS: tuple[DeclaredKind, ...] = get_args(DeclaredKind)
CLOCKS_MS = 30_000
"""How far the clocks of two processes may be apart."""
_DAY = 24 * 3600 * 1000
_MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Tie:
    """That ``organisation`` has to do with a person. Instants are ms UTC.

    ``source`` is the organisation that told of it, and ``seen`` when it last did. ``until`` is the end
    that was told, None while there is none. A self-claimed tie is one user's, in one role: of the
    token's subject ``subject`` in the job role ``role``. The others are for all who work there.
    """

    organisation: OdsCode
    kind: TieKind
    since: int
    source: OdsCode
    seen: int
    until: int | None = None
    subject: str = ""
    role: str = ""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lasting(_Model):
    """How long ties of a kind hold, in days: after the end that was told, and after they were last told."""

    days_after_end: int = Field(default=0, ge=0, le=_MOST_DAYS)
    days_after_last_told: int | None = Field(default=None, ge=1, le=_MOST_DAYS)


class Claims(_Model):
    """What a professional may claim: who (an activity of roles.yaml), how long, and how many at once."""

    activity: str
    hours: int = Field(ge=1)
    most_hours: int = Field(ge=1)
    most_at_once: int = Field(ge=1)


class _File(_Model):
    lasting: dict[DeclaredKind, Lasting]
    self_claimed: Claims
    told_by_neighbours: tuple[DeclaredKind, ...] = ()


@dataclass(frozen=True, slots=True)
class TiePolicy:
    """How long each kind of tie holds. What is not here holds nothing; without ``claims`` nobody claims.

    ``told_by_neighbours`` are the kinds that hold here where a neighbour tells of them, for its question.
    """

    lasting: Mapping[DeclaredKind, Lasting] = field(default_factory=dict)
    claims: Claims | None = None
    told_by_neighbours: frozenset[DeclaredKind] = frozenset()


def end_of(tie: Tie, policy: TiePolicy) -> int | None:
    """When a tie ends or has ended (ms UTC), as far as is known now; None where nothing ends it."""
    if tie.kind == "self-claimed":
        return tie.until if tie.until is not None else tie.since
    lasting = policy.lasting.get(tie.kind)
    if lasting is None:
        return tie.since
    ends = []
    if tie.until is not None:
        ends.append(tie.until + lasting.days_after_end * _DAY)
    if lasting.days_after_last_told is not None:
        ends.append(tie.seen + lasting.days_after_last_told * _DAY)
    return min(ends, default=None)


def in_force(tie: Tie, policy: TiePolicy, now: datetime) -> bool:
    """Whether a tie holds now, for whomever it is; one that ends before it begins never does."""
    at, end = milliseconds(now), end_of(tie, policy)
    return tie.since <= at + CLOCKS_MS and (end is None or max(at, tie.since) < end)


def ties_in_force(ties: Iterable[Tie], actor: Actor, policy: TiePolicy, now: datetime) -> tuple[Tie, ...]:
    """The ties that hold now between a person and this actor's organisation.

    One that was claimed is for the user who claimed it alone, in the role and the organisation of then.
    """
    return tuple(
        tie
        for tie in ties
        if tie.organisation == actor.organisation and _is_for(tie, actor) and in_force(tie, policy, now)
    )


def has_tie(ties: Iterable[Tie], actor: Actor, policy: TiePolicy, now: datetime) -> bool:
    """Whether one holds, or the neighbour through which the actor asks tells of one that counts here."""
    if actor.through is not None and not policy.told_by_neighbours.isdisjoint(actor.through.ties):
        return True
    return bool(ties_in_force(ties, actor, policy, now))


def load_ties(files: DataFiles) -> TiePolicy:
    """Read ``relationships.yaml``. Raises Invalid with file, line and key."""
    document = load_yaml(files.find("consent", RELATIONSHIPS_FILE))
    parsed = document.parse(_File)
    if missing := [kind for kind in DECLARED_KINDS if kind not in parsed.lasting]:
        raise document.error(
            f"does not say what holds for: {', '.join(missing)}", "lasting", code="bad-policy"
        )
    if parsed.self_claimed.hours > parsed.self_claimed.most_hours:
        raise document.error("more than most_hours", "self_claimed", "hours", code="bad-policy")
    return TiePolicy(parsed.lasting, parsed.self_claimed, frozenset(parsed.told_by_neighbours))


def _is_for(tie: Tie, actor: Actor) -> bool:
    if tie.kind != "self-claimed":
        return True
    return bool(tie.subject) and tie.subject == actor.subject and bool(tie.role) and tie.role == actor.role
