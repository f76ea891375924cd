"""The rules of reconciliation, as ``conformance/reconcile.yaml`` has them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from scr.data import DataFiles, load_yaml
from scr.fhir.headings import HEADINGS

RULES_FILE = "reconcile.yaml"
By = Literal["identifier", "concept", "medicine", "value", "day", "lot", "order"]
Unless = Literal["side", "dose", "value", "lot", "status"]
Differ = Literal["dose", "state", "side", "no-allergy", "death", "address"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z-]{2,40}$")]
_Types = Annotated[tuple[str, ...], Field(min_length=1)]
_Hours = Annotated[float, Field(gt=0)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SameRule(_Row):
    """Which entries tell of one thing. ``across``: of different types too."""

    name: Name
    types: _Types
    by: Annotated[tuple[By, ...], Field(min_length=1)]
    unless: tuple[Unless, ...] = ()
    within_hours: _Hours | None = None
    sources: Literal["different", "any"] = "different"
    across: bool = False


class ListRule(_Row):
    """One list of what holds now: the statuses that count, by type; ``code`` of FHIR's example list codes.

    ``passing``: categories whose entries say nothing of now, whatever their status; ``only``: those that an
    entry has to be of.
    """

    name: Name
    title: Annotated[str, Field(min_length=3)]
    heading: str
    types: Annotated[dict[str, tuple[str, ...]], Field(min_length=1)]
    code: str = ""
    passing: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known_heading(self) -> Self:
        if self.heading not in HEADINGS:
            raise ValueError(f"there is no heading {self.heading!r}")
        return self


class Disagreement(_Row):
    """What two sources may not say together, of the entries of a ``list``'s types or of ``types``."""

    name: Name
    sentence: Annotated[str, Field(min_length=10)]
    differ: Differ
    by: tuple[By, ...] = ()
    list: str = ""
    types: tuple[str, ...] = ()
    within_hours: _Hours | None = None
    newer: bool = False
    severity: Literal["high", "moderate", "low"]


class _File(_Row):
    same: tuple[SameRule, ...]
    lists: tuple[ListRule, ...]
    disagreements: tuple[Disagreement, ...]


@dataclass(frozen=True)
class Rules:
    """All of them, checked against each other."""

    same: tuple[SameRule, ...]
    lists: tuple[ListRule, ...]
    disagreements: tuple[Disagreement, ...]

    @cached_property
    def types(self) -> frozenset[str]:
        """Every type that a rule looks at."""
        found = {kind for rule in self.same for kind in rule.types}
        found.update(kind for rule in self.lists for kind in rule.types)
        found.update(kind for rule in self.disagreements for kind in rule.types)
        return frozenset(found)

    def listed(self, name: str) -> ListRule:
        """The list of a name."""
        return next(rule for rule in self.lists if rule.name == name)


def load_rules(files: DataFiles) -> Rules:
    """Read the rules. Raises Invalid with file, line and key of the first thing wrong."""
    document = load_yaml(files.find("conformance", RULES_FILE))
    parsed = document.parse(_File)
    names = {rule.name for rule in parsed.lists}
    for i, rule in enumerate(parsed.disagreements):
        if bool(rule.list) == bool(rule.types):
            raise document.error(
                "give either `list` or `types`", "disagreements", i, code="bad-reconciliation"
            )
        if rule.list and rule.list not in names:
            message = f"there is no list {rule.list!r}; known: {', '.join(sorted(names))}"
            raise document.error(message, "disagreements", i, "list", code="bad-reconciliation")
        if rule.differ == "state" and not rule.list:
            message = "`state` compares what a `list` holds with what it does not"
            raise document.error(message, "disagreements", i, "differ", code="bad-reconciliation")
    return Rules(parsed.same, parsed.lists, parsed.disagreements)
