"""Which format each file that was given has, told by what is in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scr.errors import Invalid
from scr.terminology.load import (
    classification,
    dmd,
    dmd_files,
    fhir,
    fhir_files,
    read_maps,
    rf2,
    rf2_files,
    tables,
)
from scr.terminology.load.package import Member, Package
from scr.terminology.load.source import Source


@dataclass(frozen=True, slots=True)
class Format:
    """A format: what it is called in words, how one of its files is known, how its files are read.

    ``together``: all files of all packages make one source; otherwise those of each package make their own.
    """

    title: str
    looks_like: Callable[[Member], bool]
    sources: Callable[[Package, Sequence[Member]], Sequence[Source]]
    together: bool = False


FORMATS: dict[str, Format] = {
    "rf2": Format(
        "SNOMED CT, Release Format 2", rf2_files.looks_like, lambda _, members: [rf2.source(members)], True
    ),
    "dmd": Format(
        "NHS dictionary of medicines and devices",
        lambda member: dmd_files.kind_of(member) is not None,
        lambda _, members: [dmd.source(members)],
        True,
    ),
    "read-map": Format(
        "Read v2 and CTV3 maps of NHS Data Migration",
        lambda member: read_maps.shape_of(member) is not None,
        lambda _, members: [read_maps.source(member) for member in members],
    ),
    "classification": Format(
        "ICD-10 and OPCS-4",
        lambda member: classification.kind_of(member) is not None,
        lambda _, members: [classification.source(member) for member in members],
    ),
    "fhir": Format(
        "FHIR R4 code systems, value sets and concept maps",
        fhir_files.looks_like,
        lambda package, members: [fhir.source(package.path, members)],
    ),
    "csv": Format(
        "CSV maps and lists",
        tables.looks_like,
        lambda _, members: [tables.source(member) for member in members],
    ),
}
"""By the name that ``--format`` takes. A file is of the first format that it looks like."""


def recognise(packages: Sequence[Package], format_name: str | None = None) -> list[Source]:
    """The sources in what was given. Raises Invalid for a package without any file of a known format."""
    found: dict[str, list[tuple[Package, list[Member]]]] = {}
    for package in packages:
        mine: dict[str, list[Member]] = {}
        for member in package.members:
            if (name := format_name or format_of(member)) is not None:
                mine.setdefault(name, []).append(member)
        if not mine:
            known = ", ".join(one.title for one in FORMATS.values())
            raise Invalid(
                f"holds nothing of a known format ({known})", code="bad-terminology", where=str(package.path)
            )
        for name, members in mine.items():
            found.setdefault(name, []).append((package, members))
    return [source for name, given in found.items() for source in _sources(FORMATS[name], given)]


def format_of(member: Member) -> str | None:
    """The name of a file's format, or None: a licence, a leaflet."""
    return next((name for name, one in FORMATS.items() if one.looks_like(member)), None)


def _sources(format_: Format, given: Sequence[tuple[Package, list[Member]]]) -> Sequence[Source]:
    if format_.together:
        return format_.sources(given[0][0], [member for _, members in given for member in members])
    return [source for package, members in given for source in format_.sources(package, members)]
