"""``scr identity``: who is who."""

from __future__ import annotations

import typer

from scr.cli import links, review
from scr.cli.trace import trace

app = typer.Typer(help="Who is who: ask PDS whose a number is; link, unlink, bar.", no_args_is_help=True)
app.command()(trace)
app.command("links")(links.list_links)
app.command()(links.show)
app.command("link")(links.join)
app.command()(links.unlink)
app.command()(links.bar)
app.add_typer(review.app, name="review")


@app.callback()
def group() -> None:
    """Who is who."""
