"""Breaking the glass: in an emergency one user looks at one person's record for a few hours.

Purpose BTG of v3-ActReason. ``breakglass.yaml`` says which activities may, for how long, and which kinds
of denial that lifts. Nothing else can be written there: a legal bar, a dissent that a practice recorded,
the scope of the token, the assurance of the sign-in and what the job role opens are never lifted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from scr.consent.actor import Actor, ActorKind
from scr.consent.ties import CLOCKS_MS
from scr.data import DataFiles, load_yaml
from scr.fhir.dates import milliseconds
from scr.fhir.identifiers import OdsCode

BREAKGLASS_FILE = "breakglass.yaml"
BTG = "BTG"
"""Break the glass (http://terminology.hl7.org/CodeSystem/v3-ActReason): the purpose of such a look."""

Lift = Literal["relationship", "label", "objection"]
"""What can be lifted: that there is no relationship; that an entry is marked R (never V); that the citizen
objects, by a Consent of their own."""
LIFTS: frozenset[str] = frozenset(get_args(Lift))
NOTHING: frozenset[Lift] = frozenset()


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """One glass, as it stands in the store. Instants are ms UTC.

    ``person`` is the opaque key of whom it is about; ``subject``, ``role`` and ``organisation`` whose it
    is: nobody else's, and not the same user's in another role or at another place. ``withdrawn`` is when
    the privacy officer ended it, None while they did not. No decision asks for its reason, which may stay
    sealed.
    """

    id: str
    person: str
    subject: str
    role: str
    organisation: OdsCode
    since: int
    until: int
    withdrawn: int | None = None
    purpose: str = BTG
    reason: str = ""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Grant(_Model):
    lifts: tuple[Lift, ...] = Field(min_length=1)


class _File(_Model):
    hours: int = Field(ge=1)
    most_hours: int = Field(ge=1, le=72)
    most_at_once: int = Field(ge=1)
    activities: dict[str, _Grant] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GlassPolicy:
    """Who may break the glass, by activity of roles.yaml, and what that lifts. By default nobody may."""

    lifts: Mapping[str, frozenset[Lift]] = field(default_factory=dict)
    hours: int = 0
    most_hours: int = 0
    most_at_once: int = 0

    def lifted_for(self, activities: frozenset[str]) -> frozenset[Lift]:
        """What it lifts for a job role with these activities; nothing where it may not be broken."""
        return frozenset(lift for code in activities for lift in self.lifts.get(code, NOTHING))


def is_for(glass: BrokenGlass, actor: Actor, now: datetime) -> bool:
    """Whether a glass is this actor's, and is open now."""
    at = milliseconds(now)
    return (
        actor.kind is ActorKind.PROFESSIONAL
        and glass.purpose == BTG
        and glass.withdrawn is None
        and glass.since <= at + CLOCKS_MS
        and at < glass.until
        and bool(glass.subject)
        and glass.subject == actor.subject
        and glass.role == actor.role
        and glass.organisation == actor.organisation
    )


def lifted(
    glass: BrokenGlass | None,
    actor: Actor,
    activities: frozenset[str],
    policy: GlassPolicy,
    now: datetime,
) -> frozenset[Lift]:
    """Which kinds of denial a glass lifts for an actor whose job role has these activities.

    That it is about the person asked about is for whoever reads it from the store.
    """
    if glass is None or not is_for(glass, actor, now):
        return NOTHING
    return policy.lifted_for(activities)


def load_breakglass(files: DataFiles) -> GlassPolicy:
    """Read ``breakglass.yaml``. Raises Invalid with file, line and key."""
    document = load_yaml(files.find("consent", BREAKGLASS_FILE))
    parsed = document.parse(_File)
    if parsed.hours > parsed.most_hours:
        raise document.error("more than most_hours", "hours", code="bad-policy")
    lifts = {code: frozenset(grant.lifts) for code, grant in parsed.activities.items()}
    return GlassPolicy(lifts, parsed.hours, parsed.most_hours, parsed.most_at_once)
