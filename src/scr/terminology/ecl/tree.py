"""What an expression constraint says, as a small tree of frozen values.

Chapter 6 of the ECL specification; ``at`` is the place of a concept in the text, counted from 0, for errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Hierarchy = Literal["<", "<<", "<!", "<<!", ">", ">>", ">!", ">>!", "!!>", "!!<"]
"""Descendants, children, ancestors and parents, each without and with the concept itself; top and bottom."""
Junction = Literal["AND", "OR", "MINUS"]
Comparison = Literal["=", "!=", "<", "<=", ">", ">="]
State = Literal["", "0", "1", "*"]
"""Nothing said, out of use, in use, either."""
Profile = Literal["min", "mod", "max"]


@dataclass(frozen=True, slots=True)
class Everything:
    """``*``: every active concept."""


@dataclass(frozen=True, slots=True)
class Concept:
    """One concept by its identifier; its term between pipes is for people."""

    code: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Related:
    """A hierarchy operator, and the concepts that it starts from."""

    operator: Hierarchy
    of: Expression


@dataclass(frozen=True, slots=True)
class Members:
    """``^``: the members of reference sets."""

    of: Expression


@dataclass(frozen=True, slots=True)
class Compound:
    """Expressions joined by one word; MINUS has two of them, the others two or more."""

    junction: Junction
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Refined:
    """``focus : refinement``."""

    focus: Expression
    refinement: Refinement


@dataclass(frozen=True, slots=True)
class Dotted:
    """``focus . attribute``: the values of an attribute."""

    focus: Expression
    attribute: Expression


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """What a term is held against. ``wild``: the whole of it, ``*`` for anything; otherwise each word that is
    given begins one of its words, in any order."""

    text: str
    wild: bool = False


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition of a filter: ``name`` compared with any of ``values``; with none of them for ``!=``.

    Of descriptions ``term``, ``type`` (syn, fsn, def), ``language`` and ``id``; of concepts
    ``definitionstatus`` (primitive, defined), ``moduleid`` and ``effectivetime`` (YYYYMMDD), which alone is
    compared by other signs than ``=`` and ``!=``. Values of ``term`` are SearchTerms, the others texts.
    """

    name: str
    values: tuple[SearchTerm | str, ...]
    comparison: Comparison = "="

    @property
    def negated(self) -> bool:
        """Whether none of the values may be."""
        return self.comparison == "!="


@dataclass(frozen=True, slots=True)
class DescriptionFilter:
    """``{{ D … }}``: one description meets all criteria, and is in use where nothing else is said."""

    criteria: tuple[Criterion, ...]
    active: State = "1"


@dataclass(frozen=True, slots=True)
class ConceptFilter:
    """``{{ C … }}``: the concept meets all criteria. Where a state is named, ``*`` is all concepts."""

    criteria: tuple[Criterion, ...]
    active: State = ""


@dataclass(frozen=True, slots=True)
class Filtered:
    """``of {{ filter }}``."""

    of: Expression
    filter: DescriptionFilter | ConceptFilter


@dataclass(frozen=True, slots=True)
class History:
    """``of {{ + HISTORY }}``: and what was in use once and became one of these.

    ``profile`` is min, mod, max or an expression for the reference sets of associations that count.
    """

    of: Expression
    profile: Profile | Expression


Expression = Everything | Concept | Related | Members | Compound | Refined | Dotted | Filtered | History
Value = Expression | Decimal | str | bool
"""What an attribute is compared with: concepts, or a concrete value."""


@dataclass(frozen=True, slots=True)
class Cardinality:
    """``[least..most]``; ``most`` is None where it is ``*``."""

    least: int = 1
    most: int | None = None

    def holds(self, count: int) -> bool:
        """Whether so many are neither too few nor too many."""
        return count >= self.least and (self.most is None or count <= self.most)


SOME = Cardinality()


@dataclass(frozen=True, slots=True)
class Attribute:
    """``[cardinality] R name = value``."""

    name: Expression
    comparison: Comparison
    value: Value
    reverse: bool = False
    cardinality: Cardinality = SOME


@dataclass(frozen=True, slots=True)
class Group:
    """``[cardinality] { … }``: what holds within one role group."""

    inner: Refinement
    cardinality: Cardinality = SOME


@dataclass(frozen=True, slots=True)
class Joined:
    """Refinements joined by AND (a comma) or by OR."""

    junction: Literal["AND", "OR"]
    parts: tuple[Refinement, ...]


Refinement = Attribute | Group | Joined
