"""``scr terminology lookup`` and ``expand``: what a code means, and which codes are meant."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from scr.cli.context import console, settings_of
from scr.data import DataFiles
from scr.errors import NotFound
from scr.terminology.conceptmap import ConceptMaps
from scr.terminology.ecl.parse import parse
from scr.terminology.operations.chosen import find_definition
from scr.terminology.operations.codes import DETAILS, Lookup, lookup
from scr.terminology.operations.definition import Definition, Filter, Include
from scr.terminology.operations.expand import Page, expand
from scr.terminology.operations.implicit import CONSTRAINT
from scr.terminology.operations.library import Libraries, Library
from scr.terminology.operations.translate import translate
from scr.terminology.systems import CTV3, DMD, ICD_10, OPCS_4, READ_V2, SNOMED_CT

_SHORT = {
    "snomed": SNOMED_CT, "sct": SNOMED_CT, "dmd": DMD, "icd-10": ICD_10, "opcs-4": OPCS_4, "read": READ_V2,
    "ctv3": CTV3,
}  # fmt: skip
_ADDRESS = ("http://", "https://", "urn:")
_CHILDREN = 20


def lookup_(
    context: typer.Context,
    code: Annotated[str, typer.Argument(help="The code.")],
    system: Annotated[
        str, typer.Option(help=f"Its system: an address, or one of {', '.join(_SHORT)}. Else every system.")
    ] = "",
) -> None:
    """Say what a code means: its terms, what stands above and below it, and what maps make of it."""
    library = _library(context)
    uri = _SHORT.get(system.lower(), system)
    found = [lookup(library, uri, code, DETAILS)] if uri else _everywhere(library, code)
    for number, one in enumerate(found):
        if number:
            console.print()
        _show(library, one)


def _everywhere(library: Library, code: str) -> list[Lookup]:
    systems = dict.fromkeys([*library.systems, *library.shipped.systems])
    found = [lookup(library, one, code, DETAILS) for one in systems if library.known(one, code) is not None]
    if not found:
        raise NotFound(
            f"no code system here has the code {code[:40]!r}; `scr terminology status` lists what is loaded",
            code="unknown-code",
        )
    return found


def _show(library: Library, one: Lookup) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")

    def row(name: str, *values: str) -> None:
        if any(values):
            table.add_row(name, Text("\n".join(values)))

    used = "" if one.active else "  (no longer used)"
    console.print(Text.assemble((one.code, "bold"), f"  {one.display}{used}"))
    row("system", f"{one.system} {one.version}".strip())
    row("definition", one.definition)
    row("terms", *dict.fromkeys(each.term for each in one.designations if each.term != one.display))
    by_name: dict[str, list[str]] = {}
    for each in one.properties:
        told = library.known(one.system, each.value)
        by_name.setdefault(each.code, []).append(
            each.value if told is None else f"{told.code}  {told.display}"
        )
    for name, values in by_name.items():
        known = library.known(one.system, name) if name.isdigit() else None
        more = [f"and {len(values) - _CHILDREN} more"] if len(values) > _CHILDREN else []
        row(name if known is None else known.display.lower(), *values[:_CHILDREN], *more)
    maps = [
        f"{match.code}  {match.display}  {match.system}  {match.advice}".rstrip()
        for match in translate(library, one.system, one.code).matches
    ]
    row("maps to", *maps)
    console.print(table)


def expand_(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="An expression (ECL), or the address of a value set.")],
    filter_: Annotated[str, typer.Option("--filter", help="Beginnings of words of a term.")] = "",
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many codes to show.")] = 50,
    offset: Annotated[int, typer.Option(min=0, help="How many to pass over.")] = 0,
    active: Annotated[bool, typer.Option("--active", help="Only codes that are in use.")] = False,
) -> None:
    """List the codes of an expression or of a value set. Ends with 1 where there are none."""
    library = _library(context)
    found = expand(library, _definition(library, what), Page(filter_, offset, count, active_only=active))
    table = Table("code", "display", box=None, pad_edge=False)
    table.columns[1].overflow = "fold"
    several = len({one.system for one in found.codes}) > 1
    if several:
        table.add_column("system", overflow="fold")
    for one in found.codes:
        display = Text(one.display if one.active else f"{one.display}  (no longer used)")
        table.add_row(Text(one.code), display, *([Text(one.system)] if several else []))
    if found.codes:
        console.print(table)
    for missing in found.unknown:
        console.print(f"Left out, nobody here knows it: {missing.system}|{missing.code}", markup=False)
    shown = f"{offset + 1} to {offset + len(found.codes)}" if found.codes else "None"
    total = "there are more" if found.total is None else f"{found.total:,}"
    console.print(f"{shown} of {total}." if found.total is not None else f"{shown}; {total}.", markup=False)
    if not found.codes:
        raise typer.Exit(1)


def _definition(library: Library, what: str) -> Definition:
    if what.startswith(_ADDRESS):
        return find_definition(library, what)
    parse(what)  # an expression that is none is told as that, whatever is loaded
    return Definition(include=(Include(SNOMED_CT, filters=(Filter(CONSTRAINT, "=", what),)),))


def _library(context: typer.Context) -> Library:
    files = DataFiles(settings_of(context).home)
    return Libraries(files, ConceptMaps.load(files), settings_of(context).home).current()
