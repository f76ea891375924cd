"""``scr demo``: the demonstration, and commands to its suppliers while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from scr.cli.context import console
from scr.demo import control
from scr.demo import run as demo
from scr.demo.people import DEMO_SIZE

app = typer.Typer(
    help="The demonstration: a shared care record and four suppliers.", invoke_without_command=True
)
Folder = Annotated[Path, typer.Option(help="The demonstration's folder; it is made new at each start.")]
Name = Annotated[str, typer.Argument(help="gp, hospital, council, neighbour, pds, issuer or scr.")]
_FOLDER = Path(".demo")


@app.callback()
def run(
    context: typer.Context,
    folder: Folder = _FOLDER,
    people: Annotated[int, typer.Option(help="Synthetic people.", min=10, max=5000)] = DEMO_SIZE,
) -> None:
    """Start everything, say what to open, and stop it all again at Ctrl-C."""
    if context.invoked_subcommand is None:
        demo.run(folder, size=people)


@app.command()
def stop(name: Name, folder: Folder = _FOLDER) -> None:
    """Stop a supplier: the next answers say that it is missing."""
    control.stop(folder, name)
    console.print(f"{name} is stopped. Ask again, and see the ledger; `scr demo start {name}` starts it.")


@app.command()
def start(name: Name, folder: Folder = _FOLDER) -> None:
    """Start a supplier again."""
    control.start(folder, name)
    console.print(f"{name} is up.")


@app.command()
def slow(
    name: Name,
    seconds: Annotated[float, typer.Argument(help="How long it waits before each answer; 0: not at all.")],
    folder: Folder = _FOLDER,
) -> None:
    """Make a supplier slow."""
    control.slow(folder, name, seconds)
    console.print(f"{name} now waits {seconds:g} s before each answer.")


@app.command()
def busy(
    name: Name,
    seconds: Annotated[float, typer.Argument(help="The pause that it asks for (429); 0: it answers again.")],
    folder: Folder = _FOLDER,
) -> None:
    """Let PDS be too busy: what comes in waits, and nothing is filed meanwhile."""
    control.busy(folder, name, seconds)
    console.print(f"{name} " + (f"refuses, asking for {seconds:g} s." if seconds else "answers again."))


@app.command()
def status(folder: Folder = _FOLDER) -> None:
    """Say what runs."""
    table = Table("name", "state", "delay", box=None, pad_edge=False)
    for state in control.status(folder):
        table.add_row(state.name, state.state, f"{state.delay:g} s" if state.delay else "")
    console.print(table)
