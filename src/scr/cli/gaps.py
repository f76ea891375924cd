"""``scr terminology gaps``: the codes that have no national code beside them, and what is to be done."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from scr.api.opening import now_ms, open_database
from scr.cli.context import console, settings_of
from scr.data import DataFiles
from scr.fhir.dates import LONDON, utc
from scr.fhir.identifiers import OdsCode
from scr.store import gaps as counted
from scr.store.gaps import CodeGap
from scr.terminology.coding import Coder, open_coder
from scr.terminology.gapmap import COLUMNS, FOLDER
from scr.terminology.gapwords import HIDDEN
from scr.terminology.systems import LEGACY, NATIONAL
from scr.terminology.take import take as take_file
from scr.terminology.translation import Gap, Translated

_FILE_COLUMNS = (
    "source_system", "source_code", "source_display", *COLUMNS[2:], "match", "suggestion", "count",
    "provider", "reason", "first", "last", "note",
)  # fmt: skip
_ALIKE = 5
_COLUMNS = 7


def gaps(
    context: typer.Context,
    provider: Annotated[str, typer.Option(help="One provider's ODS code.")] = "",
    system: Annotated[str, typer.Option(help="One code system, by its address.")] = "",
    to: Annotated[
        Path | None, typer.Option("--csv", dir_okay=False, help="Write a concept map to be filled in.")
    ] = None,
    take: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Check a filled-in one, and put it in force."),
    ] = None,
) -> None:
    """List the codes met that have no national code beside them, the most frequent first."""
    files = DataFiles(settings_of(context).home)
    coder = open_coder(files)
    if take is not None:
        _take(files, coder, take)
        return
    database = open_database(settings_of(context))
    ods = OdsCode.parse(provider) if provider else None
    try:
        met = database.read_now(lambda conn: counted.read(conn, ods, system or None))
    finally:
        database.close()
    open_ones = [gap for each in met if (gap := _still(each, coder)) is not None]
    if not open_ones:
        console.print("No code is without a national one that needs it.")
        return
    if to is not None:
        count = _write(to, open_ones, coder)
        console.print(f"Written: {to}, {count} codes. Fill in the targets, then --take it.", soft_wrap=True)
        return
    console.print(_table(open_ones, coder))
    console.print(
        f"{len(open_ones)} codes in {sum(each.count for each in open_ones)} places. "
        "--csv FILE writes a concept map to be filled in.",
        soft_wrap=True,
    )


def _take(files: DataFiles, coder: Coder, file: Path) -> None:
    day = utc(now_ms()).astimezone(LONDON).date().isoformat()
    taken = take_file(files, file, coder.release, day)
    console.print(
        f"{taken.new} rows are new, {taken.changed} changed, {taken.same} were there. In force: {taken.path}",
        markup=False,
        soft_wrap=True,
    )
    if taken.unchecked:
        console.print(f"{taken.unchecked} targets are not checked: no release of their system is loaded.")
    console.print("What comes in from now on is coded by it; `scr terminology remap` does what is stored.")


def _still(met: CodeGap, coder: Coder) -> CodeGap | None:
    """The gap as the maps in force have it; None where they have closed it."""
    if HIDDEN in (met.system, met.code):
        return met
    verdict = coder.verdict(met.system, met.code)
    if isinstance(verdict, Gap):
        return replace(met, reason=verdict.value)
    disagreed = isinstance(verdict, Translated) and verdict.map != FOLDER and met.reason == Gap.AMBIGUOUS
    return met if disagreed else None


def _table(found: Iterable[CodeGap], coder: Coder) -> Table:
    rows = [(gap, suggestion(gap.text, coder)) for gap in found]
    table = Table(box=None, pad_edge=False)
    for title in ("provider", "system", "code", "text", "why", "times", "seen"):
        right, whole = title == "times", title in {"code", "why", "times", "seen"}
        table.add_column(title, justify="right" if right else "left", overflow="fold", no_wrap=whole)
    if any(near for _, near in rows):
        table.add_column("suggestion", overflow="fold")
    for gap, near in rows:
        system = LEGACY.get(gap.system, gap.system) or "(none)"
        table.add_row(
            gap.provider.value,
            *map(Text, (system, gap.code, gap.text, gap.reason)),
            str(gap.count),
            gap.last if gap.first == gap.last else f"{gap.first}\n{gap.last}",
            *([Text(near)] if len(table.columns) > _COLUMNS else []),
        )
    return table


def suggestion(text: str, coder: Coder) -> str:
    """The national code that has the very same text as a term, for a human to look at."""
    if not text or coder.release is None:
        return ""
    for system in NATIONAL:
        for found in coder.release.search(system, text, _ALIKE):
            if " ".join(text.casefold().split()) in (found.term.casefold(), found.display.casefold()):
                return f"{system}|{found.code} {found.display}"
    return ""


def _write(path: Path, found: Iterable[CodeGap], coder: Coder) -> int:
    """Write one row for each code, whoever sent it; codes that no map could name are left out."""
    rows: dict[tuple[str, str], CodeGap] = {}
    providers: dict[tuple[str, str], list[str]] = {}
    for gap in found:
        key = (gap.system, gap.code)
        if not gap.system or HIDDEN in key:
            continue
        providers.setdefault(key, []).append(gap.provider.value)
        before = rows.get(key)
        rows[key] = gap if before is None else _together(before, gap)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _FILE_COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for key, gap in sorted(rows.items(), key=lambda item: -item[1].count):
            writer.writerow({
                "source_system": gap.system, "source_code": gap.code, "source_display": _no_formula(gap.text),
                "suggestion": _no_formula(suggestion(gap.text, coder)), "count": gap.count,
                "provider": " ".join(providers[key]), "reason": gap.reason, "first": gap.first,
                "last": gap.last,
            })  # fmt: skip
    return len(rows)


def _together(one: CodeGap, other: CodeGap) -> CodeGap:
    return replace(
        one,
        count=one.count + other.count,
        text=one.text or other.text,
        first=min(one.first, other.first),
        last=max(one.last, other.last),
    )


def _no_formula(text: str) -> str:
    """A text that a spreadsheet does not take for something to be worked out."""
    return f"'{text}" if text[:1] in "=+-@" and text else text
