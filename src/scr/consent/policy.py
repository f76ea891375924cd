"""The policy: job roles and what each opens, as files in ``consent/``.

``roles.yaml`` gives each national job role its activities, and each activity the headings and
interactions that it opens; ``labels.yaml`` says what makes an entry sensitive (``label_policy``). A
mistake stops the load and names the file and the line. The hash of the files in force stands in every
decision and every audit row.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from scr.consent.actor import ActorKind
from scr.consent.label_policy import FILE, UNCLASSIFIED_TOKEN, Bar, LabelPolicy, load_labels
from scr.data import DataFiles, load_yaml
from scr.errors import Invalid
from scr.fhir.headings import HEADINGS, types_under
from scr.terminology.systems import V3_ACT_CODE, V3_CONFIDENTIALITY

Level = Literal["U", "L", "M", "N", "R", "V"]
_LEVELS: tuple[Level, ...] = ("U", "L", "M", "N", "R", "V")
"""Codes of v3-Confidentiality, least first."""
_ONLINE = frozenset({ActorKind.CITIZEN, ActorKind.CARER})
_NOT_FOR_PATIENTS = f"{V3_ACT_CODE}|NOPAT"
"""An instruction and no sensitivity: clinicians see such an entry."""


class _Activity(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    headings: tuple[str, ...] | Literal["all"]
    interactions: tuple[Literal["r", "s"], ...]
    clearance: Level = "N"


class _Role(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    activities: tuple[str, ...]


class _RolesFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    purposes: tuple[str, ...] = Field(min_length=1)
    assurance: dict[ActorKind, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(default_factory=dict)
    activities: dict[str, _Activity]
    roles: dict[str, _Role]


@dataclass(frozen=True, slots=True)
class Role:
    """What a job role comes to, its activities added up."""

    code: str
    name: str
    headings: frozenset[str]
    interactions: frozenset[str]
    clearance: Level
    activities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy in force. ``hash`` names it, to the byte."""

    roles: dict[str, Role]
    purposes: frozenset[str]
    hash: str
    labels: LabelPolicy = field(default_factory=LabelPolicy)

    def types_of(self, role: Role) -> frozenset[str]:
        """The resource types that can stand under the role's headings."""
        return _types(role.headings)

    def may(self, role: str | None, activity: str) -> bool:
        """Whether a job role has an activity, by their codes: for what is not about anybody's record."""
        found = self.roles.get(role or "")
        return found is not None and activity in found.activities

    def cleared(self, role: Role, labels: tuple[str, ...], kind: ActorKind = ActorKind.PROFESSIONAL) -> bool:
        """Whether the role may see an entry with these labels.

        A confidentiality above the role's clearance bars it; so does a confidentiality that is not a
        code of the system, and a sensitivity without a confidentiality counts as R (restricted). What
        nobody could classify is for the policy to open or to withhold, by the kind of actor. Whoever
        reads online does not see what the source keeps from the patient, or what waits for a review.
        """
        if kind in self.labels.withheld_unclassified and UNCLASSIFIED_TOKEN in labels:
            return False
        if kind in _ONLINE and (_NOT_FOR_PATIENTS in labels or self.labels.reviewed_before_online(labels)):
            return False
        return _level(labels) <= _LEVELS.index(role.clearance)

    def withholds(self, role: str | None) -> bool:
        """Whether what is marked R (restricted) is kept from a job role, by its code."""
        found = self.roles.get(role or "")
        return found is None or _LEVELS.index(found.clearance) < _LEVELS.index("R")

    def barred(self, role: Role, labels: tuple[str, ...]) -> Bar | None:
        """The law that keeps an entry with these labels from the role; None where there is none."""
        bars = self.labels.bars_on(labels) if labels else ()
        return next((bar for bar in bars if not bar.open_to & role.activities), None)


@lru_cache(maxsize=256)
def _types(headings: frozenset[str]) -> frozenset[str]:
    return frozenset(kind for heading in headings for kind in types_under(heading))


@lru_cache(maxsize=4096)
def _level(labels: tuple[str, ...]) -> int:
    found: list[int] = []
    sensitive = False
    for label in labels:
        system, _, code = label.partition("|")
        if system == V3_CONFIDENTIALITY:
            found.append(next((i for i, level in enumerate(_LEVELS) if level == code), len(_LEVELS)))
        elif system == V3_ACT_CODE and label != _NOT_FOR_PATIENTS:
            sensitive = True
    if found:
        return max(found)
    return _LEVELS.index("R") if sensitive else _LEVELS.index("N")


def load_policy(files: DataFiles) -> Policy:
    """Read the policy in force. Raises Invalid with file, line and key."""
    path = files.find("consent", "roles.yaml")
    document = load_yaml(path)
    parsed = document.parse(_RolesFile)
    roles: dict[str, Role] = {}
    for code, role in parsed.roles.items():
        for name in role.activities:
            if name not in parsed.activities:
                raise Invalid(
                    f"role {code} has the activity {name!r}, which is not defined under 'activities'",
                    code="bad-policy",
                    where=document.where("roles", code, "activities"),
                )
        roles[code] = _add_up(code, role, [parsed.activities[name] for name in role.activities])
    for name, activity in parsed.activities.items():
        unknown = set() if activity.headings == "all" else set(activity.headings) - set(HEADINGS)
        if unknown:
            raise Invalid(
                f"unknown headings: {', '.join(sorted(unknown))}; known: {', '.join(HEADINGS)}",
                code="bad-policy",
                where=document.where("activities", name, "headings"),
            )
    labels = load_labels(files)
    for bar in labels.bars.values():
        if strange := bar.open_to - parsed.activities.keys():
            raise Invalid(
                f"the bar {bar.key} is open to {', '.join(sorted(strange))}: not defined in roles.yaml",
                code="bad-policy",
                where=str(files.find("consent", FILE)),
            )
    content = path.read_bytes() + files.find("consent", FILE).read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Policy(roles, frozenset(parsed.purposes), digest, labels)


def _add_up(code: str, role: _Role, activities: list[_Activity]) -> Role:
    headings: set[str] = set()
    for activity in activities:
        headings.update(HEADINGS if activity.headings == "all" else activity.headings)
    return Role(
        code=code,
        name=role.name,
        headings=frozenset(headings),
        interactions=frozenset(letter for activity in activities for letter in activity.interactions),
        clearance=max((activity.clearance for activity in activities), key=_LEVELS.index, default="U"),
        activities=frozenset(role.activities),
    )
