"""The policy of matching: weights, thresholds and doubts, as files in ``consent/``.

``matching.yaml`` says how much each comparison of a fact weighs; ``given-names.csv`` which names are
other forms of one. A mistake stops the load and names the file and the line.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from scr.data import DataFiles, load_yaml
from scr.errors import Invalid
from scr.identity.names import Level, NameTables, fold

Fact = Literal["birth-date", "family-name", "given-name", "postcode", "sex"]
FACTS: tuple[Fact, ...] = get_args(Fact)

_POSSIBLE: Mapping[Fact, frozenset[Level]] = {
    "birth-date": frozenset({Level.SAME, Level.NEAR, Level.OTHER}),
    "family-name": frozenset({Level.SAME, Level.ALIAS, Level.NEAR, Level.OTHER}),
    "given-name": frozenset({Level.SAME, Level.ALIAS, Level.NEAR, Level.INITIAL, Level.OTHER}),
    "postcode": frozenset({Level.SAME, Level.OTHER}),
    "sex": frozenset({Level.SAME, Level.OTHER}),
}
"""How each fact can compare, beside untold, which weighs nothing."""


class _Thresholds(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    agree: float
    contradict: float


class _Placeholders(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    names: frozenset[str]
    birth_dates: frozenset[str]
    postcodes: frozenset[str]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    thresholds: _Thresholds
    weights: dict[Fact, dict[Level, float]]
    never_agree: tuple[dict[Fact, frozenset[Level]], ...]
    placeholders: _Placeholders
    shared_names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Matching:
    """The policy in force. ``never_agree``: facts and levels that together are a doubt."""

    agree: float
    contradict: float
    weights: Mapping[tuple[Fact, Level], float]
    never_agree: tuple[Mapping[Fact, frozenset[Level]], ...]
    names: NameTables
    no_birth_dates: frozenset[str]
    no_postcodes: frozenset[str]


def load_matching(files: DataFiles) -> Matching:
    """Read the policy in force. Raises Invalid with file, line and key."""
    document = load_yaml(files.find("consent", "matching.yaml"))
    parsed = document.parse(_File)
    if parsed.thresholds.contradict >= parsed.thresholds.agree:
        raise document.error("is not below agree: nothing would ever be in doubt", "thresholds", "contradict")
    for fact in FACTS:
        levels = parsed.weights.get(fact, {})
        wrong = next((level for level in levels if level not in _POSSIBLE[fact]), None)
        if wrong is not None:
            raise document.error(f"{fact} never compares as {wrong}: remove it", "weights", fact)
        for level in sorted(_POSSIBLE[fact] - levels.keys()):
            raise document.error(f"has no weight for {level}: add one", "weights", fact)
    weights = {(fact, level): value for fact, row in parsed.weights.items() for level, value in row.items()}
    tables = NameTables(
        aliases=_aliases(files),
        placeholders=frozenset(map(fold, parsed.placeholders.names)),
        shared=frozenset(map(fold, parsed.shared_names)),
    )
    return Matching(
        agree=parsed.thresholds.agree,
        contradict=parsed.thresholds.contradict,
        weights=weights,
        never_agree=parsed.never_agree,
        names=tables,
        no_birth_dates=parsed.placeholders.birth_dates,
        no_postcodes=frozenset(map(fold, parsed.placeholders.postcodes)),
    )


@lru_cache(maxsize=1)
def shipped_matching() -> Matching:
    """The policy that is packaged, for whoever has no deployment's folder."""
    return load_matching(DataFiles())


def _aliases(files: DataFiles) -> dict[str, frozenset[str]]:
    """Names by their other forms. ``given-names.csv``: ``name``, ``also`` (other forms, spaces between)."""
    path = files.find("consent", "given-names.csv")
    found: dict[str, frozenset[str]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != ["name", "also"]:
            raise Invalid("the header is name,also", code="bad-configuration", where=f"{path}, line 1")
        for row in reader:
            name, also = fold(row["name"]), row["also"] or ""
            if not name or not also.strip() or None in row:
                raise Invalid(
                    "write a name, a comma, and its other forms with spaces between",
                    code="bad-configuration",
                    where=f"{path}, line {reader.line_num}",
                )
            found[name] = found.get(name, frozenset()) | frozenset(map(fold, also.split()))
    return found
