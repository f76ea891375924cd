"""``scr terminology``: the code systems and maps in force, and what they say nothing of."""

from __future__ import annotations

import typer

from scr.cli import gaps, remap

app = typer.Typer(help="Code systems and maps: the codes that no map has.", no_args_is_help=True)
app.command("gaps")(gaps.gaps)
app.command("remap")(remap.remap)
