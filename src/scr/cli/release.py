"""``scr terminology load``, ``status`` and ``remove-old``: which terminologies are in force."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from scr.cli.context import console, settings_of
from scr.errors import Invalid
from scr.fhir.dates import LONDON, utc
from scr.terminology.load.formats import FORMATS
from scr.terminology.load.run import load as load_release
from scr.terminology.release.current import current_path, folder_of, superseded
from scr.terminology.release.reader import Release

_NOTHING = "No terminologies are loaded; `scr terminology load` loads them (docs/terminology.md)."


def load(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(help="Folders, zip or tgz archives, files. All of SNOMED CT at once.")
    ],
    format_: Annotated[
        str, typer.Option("--format", help=f"What everything given is: {', '.join(FORMATS)}.")
    ] = "",
) -> None:
    """Load terminologies beside those in force, and put the result in force whole.

    Of what is in force, everything stays that what is given does not replace. What cannot be used is refused
    with file and line, and nothing changes.
    """
    if format_ and format_ not in FORMATS:
        raise Invalid(f"no format {format_!r}: one of {', '.join(FORMATS)}", code="bad-option")
    folder = folder_of(settings_of(context).home)
    started = time.monotonic()
    with _telling() as told:
        loaded = load_release(folder, paths, _now_ms(), format_name=format_ or None, progress=told)
    for edition in loaded.brought:
        console.print(f"Loaded {edition.name} {edition.version}".rstrip() + ".", markup=False)
    if loaded.unread:
        console.print(f"Nothing of the release before stays: {loaded.unread}", style="yellow", markup=False)
    if loaded.kept:
        console.print(f"Kept {', '.join(loaded.kept)}.", markup=False)
    size = loaded.path.stat().st_size / 1e6
    seconds = time.monotonic() - started
    console.print(f"In force: {loaded.path.name}, {size:.0f} MB, made in {seconds:.0f} s.", markup=False)


def status(context: typer.Context) -> None:
    """Show which editions and versions are in force, when they were loaded, and what they hold."""
    folder = folder_of(settings_of(context).home)
    path = current_path(folder)
    if path is None:
        console.print(_NOTHING)
        return
    release = Release(path)
    editions = _table("edition", "version", "format", "loaded", "files", "SHA-256 of the files")
    for edition in release.editions():
        when = utc(edition.loaded_at).astimezone(LONDON).strftime("%Y-%m-%d %H:%M")
        about = (edition.name, edition.version, edition.format, when, str(edition.files), edition.digest[:16])
        editions.add_row(*map(Text, about))
    systems = _table("code system", "version", "edition", "concepts")
    for system in release.systems():
        row = (system.uri, system.version, system.edition, f"{release.count(system.uri):,}")
        systems.add_row(*map(Text, row))
    maps = _table("map", "from", "to", "version", "rows")
    for one in release.maps():
        rows = f"{release.count_rows(one):,}"
        maps.add_row(*map(Text, (one.name, one.source_system, one.target_system, one.version, rows)))
    console.print(f"In force: {path.name}, {path.stat().st_size / 1e6:.0f} MB.", markup=False)
    for table in (editions, systems, maps):
        if table.row_count:
            console.print(table)
    if old := superseded(folder):
        which = (
            "it is kept for who still reads it"
            if len(old) == 1
            else "`scr terminology remove-old` removes all but the last"
        )
        console.print(f"{len(old)} older, in {folder}: {which}.")


def remove_old(
    context: typer.Context,
    keep: Annotated[int, typer.Option(min=0, help="How many of the older ones stay, the latest.")] = 1,
) -> None:
    """Remove the release files that are no longer in force, but the last one: a reader may still have it."""
    folder = folder_of(settings_of(context).home)
    old = superseded(folder)
    for path in old[: len(old) - keep] if keep else old:
        path.unlink()
        console.print(f"Removed {path.name}.", markup=False)
    if len(old) <= keep:
        console.print("Nothing to remove.")


class _Lines:
    """Progress as lines, where nobody watches a bar."""

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def step(self, what: str, total: int = 0) -> None:
        """A line for each piece of work."""
        console.print(f"{what} …", markup=False)

    def at(self, done: int) -> None:
        """Nothing: a piece is told of once."""


class _Bars:
    """Progress as a bar for each piece of work."""

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn(),
            console=Console(stderr=True),
        )  # fmt: skip
        self._task: TaskID | None = None

    def __enter__(self) -> _Bars:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._bars.stop()

    def step(self, what: str, total: int = 0) -> None:
        """A new bar; without a total it only moves."""
        self._end()
        self._task = self._bars.add_task(what, total=total or None)

    def at(self, done: int) -> None:
        """So far along."""
        if self._task is not None:
            self._bars.update(self._task, completed=done)

    def _end(self) -> None:
        if self._task is not None:
            self._bars.update(self._task, total=1, completed=1)


def _telling() -> _Bars | _Lines:
    return _Bars() if Console(stderr=True).is_terminal else _Lines()


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
        if column.header in ("concepts", "rows", "files"):
            column.justify = "right"
    return table


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
