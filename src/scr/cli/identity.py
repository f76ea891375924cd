"""``scr identity``: who is who."""

from __future__ import annotations

import typer

from scr.cli import review
from scr.cli.trace import trace

app = typer.Typer(help="Who is who: ask PDS whose a number is.", no_args_is_help=True)
app.command()(trace)
app.add_typer(review.app, name="review")


@app.callback()
def group() -> None:
    """Who is who."""
