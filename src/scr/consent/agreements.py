"""Sharing agreements: which heading goes to which type of organisation, for which purpose.

``agreements.yaml`` says it. What no agreement names is not shared, and what is kept is kept whatever
another agreement says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from scr.data import DataFiles, Document, load_yaml
from scr.fhir.headings import DEMOGRAPHICS, HEADINGS
from scr.fhir.identifiers import OdsCode
from scr.fhir.person import PERSON_SOURCE

AGREEMENTS_FILE = "agreements.yaml"
_REMEMBERED = 10_000
_All = Literal["all"]
_Some = Annotated[tuple[str, ...], Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class _Type(_Model):
    name: str
    also: tuple[str, ...] = ()


class _Agreement(_Model):
    name: str
    to: _Some
    of: _Some | _All = Field(default="all", alias="from")
    headings: _Some | _All = "all"
    purposes: _Some | _All = "all"


class _File(_Model):
    types: dict[str, _Type] = Field(min_length=1)
    organisations: dict[str, str] = Field(default_factory=dict)
    shared: tuple[_Agreement, ...] = Field(min_length=1)
    kept: tuple[_Agreement, ...] = ()


@dataclass(frozen=True, slots=True)
class Agreement:
    """One row. ``None`` is all; organisations are told by their types."""

    name: str
    to: frozenset[str]
    of: frozenset[str] | None = None
    headings: frozenset[str] | None = None
    purposes: frozenset[str] | None = None

    def is_about(self, asker: str, heading: str, purpose: str, source: str) -> bool:
        """Whether the row speaks of what a source of one type tells to an asker of another."""
        return (
            asker in self.to
            and (self.purposes is None or purpose in self.purposes)
            and (self.headings is None or heading in self.headings)
            and (self.of is None or source in self.of)
        )


@dataclass(frozen=True, slots=True)
class Agreements:
    """All rows; by default nothing is shared. ``names`` gives a type's name, ``also`` its other words."""

    shared: tuple[Agreement, ...] = ()
    kept: tuple[Agreement, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)
    organisations: Mapping[str, str] = field(default_factory=dict)
    _found: dict[tuple[str, str, str, str], bool] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What was asked before: the rows never change, and there are few types, headings and purposes."""

    def type_of(self, ods: str, told: Mapping[str, str]) -> str:
        """The type of an organisation: as the policy lists it, or as the providers' files write it.

        Empty where neither names a type that the policy knows.
        """
        found = self.organisations.get(ods)
        if found is None:
            found = self.also.get(told.get(ods, "").strip().casefold(), "")
        return found

    def is_party(self, asker: str, purpose: str) -> bool:
        """Whether anything at all is shared with an organisation of this type for this purpose."""
        return any(
            asker in row.to and (row.purposes is None or purpose in row.purposes) for row in self.shared
        )

    def shares(self, asker: str, heading: str, purpose: str, source: str) -> bool:
        """Whether a source of one type shares a heading with an asker of another, for a purpose."""
        asked = (asker, heading, purpose, source)
        found = self._found.get(asked)
        if found is None:
            kept = any(row.is_about(*asked) for row in self.kept)
            found = not kept and any(row.is_about(*asked) for row in self.shared)
            if len(self._found) < _REMEMBERED:
                self._found[asked] = found
        return found

    def shares_composed(self, asker: str, purpose: str) -> bool:
        """Whether the Patient that is composed of what is permitted may go: where any source's may."""
        return any(self.shares(asker, DEMOGRAPHICS, purpose, source) for source in (*self.names, ""))

    def shares_of(self, asker: str, heading: str, purpose: str, source: str, told: Mapping[str, str]) -> bool:
        """The same, of a source by its ODS code."""
        if source == PERSON_SOURCE:
            return self.shares_composed(asker, purpose)
        return self.shares(asker, heading, purpose, self.type_of(source, told))


def load_agreements(files: DataFiles, purposes: Collection[str] | None) -> Agreements:
    """Read ``agreements.yaml``, whose purposes are of ``purposes``, where these are given.

    Raises Invalid with file, line and key.
    """
    document = load_yaml(files.find("consent", AGREEMENTS_FILE))
    parsed = document.parse(_File)
    also: dict[str, str] = {}
    for key, one in parsed.types.items():
        for word in (key, *one.also):
            if also.setdefault(word.casefold(), key) != key:
                raise _bad(document, f"{word!r} is another type's as well", "types", key)
    organisations = {}
    for ods, kind in parsed.organisations.items():
        try:
            organisations[OdsCode.parse(ods).value] = also[kind.casefold()]
        except ValueError as wrong:
            raise _bad(document, str(wrong), "organisations", ods) from None
        except KeyError:
            raise _bad(document, f"{kind!r} is not defined under 'types'", "organisations", ods) from None
    _check(document, "shared", parsed.shared, also, purposes)
    _check(document, "kept", parsed.kept, also, purposes)
    return Agreements(
        tuple(_row(one, also) for one in parsed.shared),
        tuple(_row(one, also) for one in parsed.kept),
        {key: one.name for key, one in parsed.types.items()},
        also,
        organisations,
    )


def _check(
    document: Document,
    part: str,
    rows: tuple[_Agreement, ...],
    types: Collection[str],
    purposes: Collection[str] | None,
) -> None:
    for i, row in enumerate(rows):
        for key, named, known in (
            ("to", tuple(word.casefold() for word in row.to), types),
            ("from", () if row.of == "all" else tuple(word.casefold() for word in row.of), types),
            ("headings", () if row.headings == "all" else row.headings, HEADINGS),
            ("purposes", () if row.purposes == "all" or purposes is None else row.purposes, purposes or ()),
        ):
            if unknown := sorted(set(named) - set(known)):
                message = f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}"
                raise _bad(document, message, part, i, key)


def _row(one: _Agreement, also: Mapping[str, str]) -> Agreement:
    return Agreement(
        one.name,
        frozenset(also[word.casefold()] for word in one.to),
        None if one.of == "all" else frozenset(also[word.casefold()] for word in one.of),
        None if one.headings == "all" else frozenset(one.headings),
        None if one.purposes == "all" else frozenset(one.purposes),
    )


def _bad(document: Document, message: str, *keys: str | int) -> Exception:
    return document.error(message, *keys, code="bad-policy")
