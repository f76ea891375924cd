"""What in the audit may be misuse: rules as data, and which of them some signals raise.

``misuse.yaml`` gives points to signals, by rule. A rule raises a finding where one of its leading signals is
there and the points of all come to its threshold. Validated when it is loaded: a mistake stops the load and
names the file and the line. No decision depends on it, so it has a hash of its own, which each finding keeps.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from scr.consent.ties import DeclaredKind
from scr.data import DataFiles, Document, load_yaml

MISUSE_FILE = "misuse.yaml"
OF_VISIT = frozenset(
    {
        "own-record",
        "same-surname",
        "same-postcode",
        "colleague",
        "vip",
        "no-relationship",
        "quiet",
        "refused",
        "alone",
        "returning",
        "night",
        "night-unheard",
    }
)
"""What can be seen of one user's looks at one person on one day."""
OF_DAY = frozenset({"volume", "refused-often"})
"""What can be seen of all looks of one user on one day."""

Facts = Mapping[str, int]
"""The numbers that a signal is told with: never anything of a record."""
Signals = Mapping[str, Facts]
"""The signals that are there, by code."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Peers(_Model):
    """Whom a user is compared with: how many days back, and how many others there have to be."""

    days: int = Field(ge=1, le=366)
    at_least: int = Field(ge=2)


class Night(_Model):
    """From which full hour until which, in London; where it is usual, and what is a shift."""

    begins: int = Field(alias="from", ge=0, le=23)
    ends: int = Field(alias="until", ge=0, le=23)
    usual_above_percent: float = Field(ge=0, le=100)
    unheard_below_percent: float = Field(ge=0, le=100)
    shift_of: int = Field(ge=1)

    @property
    def hours(self) -> int:
        """The hours as bits, that of midnight the lowest."""
        span = (self.ends - self.begins) % 24
        return sum(1 << (self.begins + step) % 24 for step in range(span))


class Quiet(_Model):
    """After how many days a relationship is quiet, and which kinds never are."""

    after_days: int = Field(ge=1)
    lasting: frozenset[DeclaredKind] = frozenset()


class Days(_Model):
    """So many days back."""

    days: int = Field(ge=0, le=366)


class Returning(_Model):
    """On so many days, within so many."""

    days: int = Field(ge=1, le=366)
    at_least: int = Field(ge=2)


class Surname(_Model):
    """When a surname says nothing: more than so many of a thousand others have it."""

    common_in_1000: float = Field(ge=0, le=1000)


class Volume(_Model):
    """How many people are many: at least so many, so many times the usual, and so far above the spread."""

    at_least: int = Field(ge=1)
    times: float = Field(ge=1)
    spread: float = Field(ge=0)


class Refused(_Model):
    """How many refusals in a day are many."""

    at_least: int = Field(ge=1)


class _Rule(_Model):
    title: str = Field(min_length=1)
    lead: tuple[str, ...] = Field(min_length=1)
    points: dict[str, int] = Field(min_length=1)
    raise_at: int | None = Field(default=None, ge=1)
    except_roles: tuple[str, ...] = ()
    alert: bool = False


class _File(_Model):
    raise_at: int = Field(ge=1)
    keep_days: int = Field(ge=1)
    peers: Peers
    night: Night
    quiet: Quiet
    alone: Days
    returning: Returning
    surname: Surname
    volume: Volume
    refused: Refused
    rules: dict[str, _Rule]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its leading signals, the points of each signal, and when it is raised; not for some roles.

    ``alert``: what it raises is told of outside the house.
    """

    code: str
    title: str
    lead: frozenset[str]
    points: Mapping[str, int]
    raise_at: int
    except_roles: frozenset[str] = frozenset()
    alert: bool = False

    def score(self, signals: Collection[str]) -> int:
        """The points of these signals, 0 where none of them leads."""
        if self.lead.isdisjoint(signals):
            return 0
        return sum(points for code, points in self.points.items() if code in signals)


@dataclass(frozen=True, slots=True)
class Raised:
    """That a rule is raised, with so many points."""

    rule: str
    score: int


@dataclass(frozen=True, slots=True)
class MisuseRules:
    """The rules in force and what their signals are measured by. ``hash`` names them, to the byte."""

    hash: str
    keep_days: int
    peers: Peers
    night: Night
    quiet: Quiet
    alone: Days
    returning: Returning
    surname: Surname
    volume: Volume
    refused: Refused
    rules: Mapping[str, Rule] = field(default_factory=dict)

    def raised(self, signals: Collection[str], role: str) -> tuple[Raised, ...]:
        """The rules that some signals raise for a user in a job role, the one with most points first."""
        scores = (
            (rule, rule.score(signals)) for rule in self.rules.values() if role not in rule.except_roles
        )
        found = [Raised(rule.code, score) for rule, score in scores if score >= rule.raise_at]
        return tuple(sorted(found, key=lambda one: (-one.score, one.rule)))

    def tells_of(self, found: Collection[Raised]) -> bool:
        """Whether one of the rules raised is to be told of outside the house."""
        return any(one.rule in self.rules and self.rules[one.rule].alert for one in found)


def load_misuse(files: DataFiles, roles: Collection[str] | None = None) -> MisuseRules:
    """Read ``misuse.yaml``. Raises Invalid with file, line and key; ``roles`` are those that are known."""
    path = files.find("consent", MISUSE_FILE)
    document = load_yaml(path)
    parsed = document.parse(_File)
    for name, days in (
        ("peers", parsed.peers.days),
        ("alone", parsed.alone.days),
        ("returning", parsed.returning.days),
    ):
        if days > parsed.keep_days:
            raise document.error("more than keep_days", name, "days", code="bad-policy")
    if parsed.night.hours == 0:
        raise document.error("the same hour as from", "night", "until", code="bad-policy")
    return MisuseRules(
        hash=hashlib.sha256(path.read_bytes()).hexdigest()[:16],
        keep_days=parsed.keep_days,
        peers=parsed.peers,
        night=parsed.night,
        quiet=parsed.quiet,
        alone=parsed.alone,
        returning=parsed.returning,
        surname=parsed.surname,
        volume=parsed.volume,
        refused=parsed.refused,
        rules={code: _rule(document, code, rule, parsed, roles) for code, rule in parsed.rules.items()},
    )


def _rule(document: Document, code: str, rule: _Rule, parsed: _File, roles: Collection[str] | None) -> Rule:
    raise_at = parsed.raise_at if rule.raise_at is None else rule.raise_at
    scope = OF_DAY if set(rule.lead) <= OF_DAY else OF_VISIT
    for signal in rule.points:
        _check_signal(document, signal, scope, "rules", code, "points")
    for lead in rule.lead:
        if lead not in rule.points:
            raise document.error(f"{lead} has no points", "rules", code, "lead", code="bad-policy")
    for signal, points in rule.points.items():
        if points < 1:
            raise document.error("points are 1 or more", "rules", code, "points", signal, code="bad-policy")
    if sum(rule.points.values()) < raise_at:
        message = f"all its points together do not come to {raise_at}: it is never raised"
        raise document.error(message, "rules", code, "points", code="bad-policy")
    if roles is not None and (strange := sorted(set(rule.except_roles) - set(roles))):
        message = f"{', '.join(strange)}: no job role of roles.yaml"
        raise document.error(message, "rules", code, "except_roles", code="bad-policy")
    spared = frozenset(rule.except_roles)
    return Rule(code, rule.title, frozenset(rule.lead), rule.points, raise_at, spared, rule.alert)


def _check_signal(document: Document, signal: str, scope: frozenset[str], *keys: str) -> None:
    if signal in scope:
        return
    if signal in OF_VISIT | OF_DAY:
        message = f"{signal} and what leads are not of the same: one person on a day, or the user's whole day"
    else:
        near = difflib.get_close_matches(signal, sorted(scope), n=1)
        message = f"no signal is called {signal}" + (f"; did you mean {near[0]!r}?" if near else "")
    raise document.error(message, *keys, signal, code="bad-policy")
