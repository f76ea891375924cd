"""``scr terminology``: the code systems and maps in force, and what they say nothing of."""

from __future__ import annotations

import typer

from scr.cli import codes, gaps, release, remap

app = typer.Typer(
    help="Code systems and maps: those in force, and the codes that no map has.", no_args_is_help=True
)
app.command("load")(release.load)
app.command("status")(release.status)
app.command("remove-old")(release.remove_old)
app.command("lookup")(codes.lookup_)
app.command("expand")(codes.expand_)
app.command("gaps")(gaps.gaps)
app.command("remap")(remap.remap)
