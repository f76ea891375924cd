"""The readings that people take at home, as ``conformance/home-readings.yaml`` has them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from scr.data import DataFiles, load_yaml

READINGS_FILE = "home-readings.yaml"
Name = Annotated[str, Field(pattern=r"^[a-z][a-z-]{1,30}$")]
_Range = tuple[Decimal, Decimal]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Loinc(_Row):
    """A code of LOINC and its display."""

    code: str
    display: str


class Part(_Row):
    """One number of a reading: its unit for people and in UCUM, and what is taken, and taken unasked."""

    name: str
    unit: str
    ucum: str
    decimals: int = Field(ge=0, le=3)
    taken: _Range
    usual: _Range
    loinc: Loinc | None = None
    hint: str = ""
    optional: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.taken[0] <= self.usual[0] < self.usual[1] <= self.taken[1]:
            raise ValueError("`usual` has to lie within `taken`, lowest first")
        return self


class Choice(_Row):
    """What is asked beside the numbers: the answers by their code."""

    name: str
    answers: Annotated[dict[Name, str], Field(min_length=2)]


class Percent(_Row):
    """A part is at most so many hundredths of another."""

    part: str
    of: str
    at_most: Decimal


class Rule(_Row):
    """What is said at once where any of it holds."""

    level: Literal["999", "111", "gp"]
    text: str
    at_least: dict[str, Decimal] = Field(default_factory=dict)
    at_most: dict[str, Decimal] = Field(default_factory=dict)
    percent: Percent | None = None

    @property
    def parts(self) -> set[str]:
        """The parts that it asks of."""
        named = set() if self.percent is None else {self.percent.part, self.percent.of}
        return {*self.at_least, *self.at_most, *named}

    def holds(self, values: Mapping[str, Decimal]) -> bool:
        """Whether anything of it holds of a reading."""
        high = any(part in values and values[part] >= limit for part, limit in self.at_least.items())
        low = any(part in values and values[part] <= limit for part, limit in self.at_most.items())
        return high or low or self._is_share(values)

    def _is_share(self, values: Mapping[str, Decimal]) -> bool:
        share = self.percent
        if share is None or share.part not in values or share.of not in values:
            return False
        return values[share.part] * 100 <= values[share.of] * share.at_most


class ReadingRules(_Row):
    """One kind of reading."""

    name: str
    loinc: Loinc
    parts: Annotated[dict[Name, Part], Field(min_length=1)]
    choices: dict[Name, Choice] = Field(default_factory=dict)
    greater: tuple[str, str] | None = None
    advice: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Self:
        named = {part for rule in self.advice for part in rule.parts} | set(self.greater or ())
        if unknown := sorted(named - self.parts.keys()):
            raise ValueError(f"no such part: {', '.join(unknown)}")
        alone = [name for name, part in self.parts.items() if part.loinc is None and not part.optional]
        if len(alone) > 1:
            raise ValueError(f"only one part has no code of its own: {', '.join(alone)}")
        return self


class Readings(_Row):
    """All of them, and what is said beside each."""

    always: str
    readings: Annotated[dict[Name, ReadingRules], Field(min_length=1)]


def load_readings(files: DataFiles) -> Readings:
    """Read the file in force. Raises Invalid with file, line and key of the first thing wrong."""
    return load_yaml(files.find("conformance", READINGS_FILE)).parse(Readings)
