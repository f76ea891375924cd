"""The policy: job roles and what each opens, as files in ``consent/``.

``roles.yaml`` gives each national job role its activities, and each activity the headings and
interactions that it opens. Beside it stand ``labels.yaml`` (what makes an entry sensitive),
``relationships.yaml`` (which ties hold how long), ``agreements.yaml`` (what goes to which type of
organisation), ``proxies.yaml`` (citizens and carers) and ``breakglass.yaml``, each with a module of its
own. A mistake stops the load and names the file and the line. The hash of all of them stands in every
decision and every audit row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from scr.consent.actor import ActorKind
from scr.consent.agreements import AGREEMENTS_FILE, Agreements, load_agreements
from scr.consent.breakglass import BREAKGLASS_FILE, GlassPolicy, load_breakglass
from scr.consent.label_policy import FILE, Bar, LabelPolicy, load_labels
from scr.consent.misuse import MISUSE_FILE, MisuseRules, load_misuse
from scr.consent.proxies import PROXIES_FILE, Opens, ProxyPolicy, load_proxies
from scr.consent.roles import LEVELS, Level, joined
from scr.consent.roles import Role as Role
from scr.consent.ties import RELATIONSHIPS_FILE, TiePolicy, load_ties
from scr.data import DataFiles, Document, load_yaml, packaged_root
from scr.errors import Invalid
from scr.fhir.contributed import WRITTEN_TYPES
from scr.fhir.headings import HEADINGS, types_under
from scr.terminology.systems import V3_ACT_CODE, V3_CONFIDENTIALITY

ONLINE = frozenset({ActorKind.CITIZEN, ActorKind.CARER})
"""Who signs in for themselves or for whom they care for; they have no job role and no organisation."""
ROLES_FILE = "roles.yaml"
FILES = (ROLES_FILE, FILE, RELATIONSHIPS_FILE, AGREEMENTS_FILE, PROXIES_FILE, BREAKGLASS_FILE)
"""Every file that a decision depends on."""
_NOT_FOR_PATIENTS = f"{V3_ACT_CODE}|NOPAT"
"""An instruction and no sensitivity: clinicians see such an entry."""


class _Activity(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    headings: tuple[str, ...] | Literal["all"]
    interactions: tuple[Literal["r", "s"], ...]
    writes: dict[str, Annotated[tuple[Literal["c", "u"], ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )
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
    granted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy in force. ``hash`` names it, to the byte. ``granted`` are the activities that count where a
    sign-in says that the holder of a role was given them, each as a role that has nothing else."""

    roles: dict[str, Role]
    purposes: frozenset[str]
    hash: str
    labels: LabelPolicy = field(default_factory=LabelPolicy)
    assurance: Mapping[ActorKind, tuple[str, ...]] = field(default_factory=dict)
    agreements: Agreements = field(default_factory=Agreements)
    proxies: ProxyPolicy = field(default_factory=ProxyPolicy)
    online: Mapping[ActorKind, Role] = field(default_factory=dict)
    ties: TiePolicy = field(default_factory=TiePolicy)
    glass: GlassPolicy = field(default_factory=GlassPolicy)
    granted: Mapping[str, Role] = field(default_factory=dict)
    misuse: MisuseRules | None = None

    def opens(self, kind: ActorKind, role: str | None, given: frozenset[str] = frozenset()) -> Role | None:
        """What an actor of a kind opens, a professional in a job role by its code; None for nothing.

        ``given`` are the activities that the sign-in tells: those of ``granted`` are added to a known role.
        """
        if kind is not ActorKind.PROFESSIONAL:
            return self.online.get(kind)
        found = None if role is None else self.roles.get(role)
        if found is None:
            return None
        return joined(found, [self.granted[code] for code in sorted(given & self.granted.keys())])

    def purposes_of(self, kind: ActorKind) -> frozenset[str]:
        """The purposes for which an actor of a kind may look."""
        if kind not in ONLINE:
            return self.purposes
        opens = self.proxies.citizen if kind is ActorKind.CITIZEN else self.proxies.carer
        return frozenset() if opens is None else frozenset(opens.purposes)

    def types_of(self, role: Role) -> frozenset[str]:
        """The resource types that can stand under the role's headings."""
        return _types(role.headings)

    def writers(self, kind: str, letter: str) -> bool:
        """Whether any role creates (``c``) or updates (``u``) resources of a type."""
        return any((kind, letter) in role.writes for role in self.roles.values())

    def may(self, role: str | None, activity: str, given: frozenset[str] = frozenset()) -> bool:
        """Whether a job role has an activity, by their codes: for what is not about anybody's record.
        ``given`` as for ``opens``."""
        found = self.opens(ActorKind.PROFESSIONAL, role, given)
        return found is not None and activity in found.activities

    def waits_for_review(self, labels: tuple[str, ...]) -> bool:
        """Whether such an entry is kept from who reads online: by its source, or until a review."""
        return _NOT_FOR_PATIENTS in labels or self.labels.reviewed_before_online(labels)

    def is_above(self, role: Role, labels: tuple[str, ...]) -> bool:
        """Whether the confidentiality of an entry with these labels is above the role's clearance."""
        return _level(labels) > LEVELS.index(role.clearance)

    def is_above_restricted(self, labels: tuple[str, ...]) -> bool:
        """Whether it is above R (restricted), or cannot be read: what no broken glass opens."""
        return _level(labels) > LEVELS.index("R")

    def is_below_restricted(self, role: Role) -> bool:
        """Whether the role is cleared for less than R."""
        return LEVELS.index(role.clearance) < LEVELS.index("R")

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
            found.append(next((i for i, level in enumerate(LEVELS) if level == code), len(LEVELS)))
        elif system == V3_ACT_CODE and label != _NOT_FOR_PATIENTS:
            sensitive = True
    if found:
        return max(found)
    return LEVELS.index("R") if sensitive else LEVELS.index("N")


def load_policy(files: DataFiles) -> Policy:
    """Read the policy in force. Raises Invalid with file, line and key."""
    document = load_yaml(files.find("consent", ROLES_FILE))
    parsed = document.parse(_RolesFile)
    labels, glass, ties = load_labels(files), load_breakglass(files), load_ties(files)
    for bar in labels.bars.values():
        _known(files, FILE, ("bars", bar.key, "open_to"), bar.open_to, parsed)
    _known(files, BREAKGLASS_FILE, ("activities",), frozenset(glass.lifts), parsed)
    claimed = frozenset() if ties.claims is None else frozenset({ties.claims.activity})
    _known(files, RELATIONSHIPS_FILE, ("self_claimed", "activity"), claimed, parsed)
    proxies = load_proxies(files)
    return Policy(
        roles=_roles(document, parsed),
        purposes=frozenset(parsed.purposes),
        hash=_hash(files),
        labels=labels,
        assurance=parsed.assurance,
        agreements=load_agreements(files, parsed.purposes if _has_to_fit(files, AGREEMENTS_FILE) else None),
        proxies=proxies,
        online=_online(proxies),
        ties=ties,
        glass=glass,
        granted=_granted(document, parsed),
        misuse=load_misuse(files, parsed.roles if _has_to_fit(files, MISUSE_FILE) else None),
    )


def _granted(document: Document, parsed: _RolesFile) -> dict[str, Role]:
    if unknown := ", ".join(sorted(set(parsed.granted) - parsed.activities.keys())):
        raise document.error(f"{unknown}: not defined under 'activities'", "granted", code="bad-policy")
    alone = {code: _Role(name=parsed.activities[code].name, activities=(code,)) for code in parsed.granted}
    return {code: _add_up(code, role, [parsed.activities[code]]) for code, role in alone.items()}


def _roles(document: Document, parsed: _RolesFile) -> dict[str, Role]:
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
        strange = activity.writes.keys() - WRITTEN_TYPES
        if strange:
            raise Invalid(
                f"{', '.join(sorted(strange))} is not written here; these are: "
                f"{', '.join(sorted(WRITTEN_TYPES))}",
                code="bad-policy",
                where=document.where("activities", name, "writes"),
            )
    return roles


def _known(
    files: DataFiles, name: str, keys: tuple[str, ...], activities: frozenset[str], parsed: _RolesFile
) -> None:
    """Raises Invalid where another file names an activity that roles.yaml does not define."""
    strange = sorted(activities - parsed.activities.keys())
    if strange and _has_to_fit(files, name):
        raise load_yaml(files.find("consent", name)).error(
            f"{', '.join(strange)}: not defined under 'activities' of {ROLES_FILE}", *keys, code="bad-policy"
        )


def _has_to_fit(files: DataFiles, name: str) -> bool:
    """Whether a file has to know all that it names of roles.yaml.

    The packaged one beside a deployment's own roles.yaml need not: what is not defined there nobody has.
    """
    here, roles = (files.find("consent", one).parent for one in (name, ROLES_FILE))
    return here == roles or here != packaged_root() / "consent"


def _hash(files: DataFiles) -> str:
    digest = hashlib.sha256()
    for name in FILES:
        content = files.find("consent", name).read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _online(proxies: ProxyPolicy) -> dict[ActorKind, Role]:
    told = ((ActorKind.CITIZEN, proxies.citizen), (ActorKind.CARER, proxies.carer))
    return {kind: _opened(kind.value, opens) for kind, opens in told if opens is not None}


def _opened(code: str, opens: Opens) -> Role:
    headings = HEADINGS if opens.headings == "all" else opens.headings
    writes = frozenset((kind, letter) for kind in opens.adds for letter in "cu")
    interactions = frozenset(opens.interactions) | {letter for _, letter in writes}
    return Role(code, code, frozenset(headings), interactions, opens.clearance, writes=writes)


def _add_up(code: str, role: _Role, activities: list[_Activity]) -> Role:
    headings: set[str] = set()
    writes = frozenset(
        (t, each) for one in activities for t, letters in one.writes.items() for each in letters
    )
    for activity in activities:
        headings.update(HEADINGS if activity.headings == "all" else activity.headings)
    return Role(
        code=code,
        name=role.name,
        headings=frozenset(headings),
        interactions=frozenset(letter for activity in activities for letter in activity.interactions)
        | {letter for _, letter in writes},
        clearance=max((activity.clearance for activity in activities), key=LEVELS.index, default="U"),
        activities=frozenset(role.activities),
        writes=writes,
    )
