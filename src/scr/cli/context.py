"""What the verbs share: the home, and the settings loaded from it once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from scr.errors import ScrError
from scr.settings import Loaded, Settings, load

Port = Annotated[int | None, typer.Option(help="Port to listen on.", min=0, max=65535)]
console = Console(highlight=False, markup=False)  # what is printed is of payloads: a bracket is a bracket


def tell(error: ScrError) -> None:
    """Print an error that its user can mend as one line, without a traceback, to standard error."""
    Console(stderr=True).print(f"scr: {error}", style="red", markup=False, highlight=False, soft_wrap=True)


def listing(*titles: str, whole: Collection[str] = (), right: Collection[str] = ()) -> Table:
    """A table of which a narrow screen leaves nothing out: its cells fold.

    The columns that are ``whole`` are the last to become narrower: what somebody copies into the next
    command stands there. Those that are ``right`` are numbers.
    """
    table = Table(box=None, pad_edge=False)
    for title in titles:
        justify: Literal["left", "right"] = "right" if title in right else "left"
        table.add_column(title, justify=justify, overflow="fold", no_wrap=title in whole)
    return table


def counted_as(count: int, one: str) -> str:
    """``1 unit``, ``2 units``."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


@dataclass(frozen=True, slots=True)
class Context:
    """The command line's own options."""

    home: Path | None

    def load(self, **overrides: object) -> Loaded:
        """The settings, what this command line says nearest of all."""
        given = {name: value for name, value in overrides.items() if value is not None}
        if self.home is not None:
            given["home"] = self.home
        return load(given)


def settings_of(context: typer.Context) -> Settings:
    """The settings of a verb that overrides none."""
    found: Context = context.obj
    return found.load().settings
