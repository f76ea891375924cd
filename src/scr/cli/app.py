"""``scr``: one function a verb. What every verb shares is the home of the deployment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from scr import __version__
from scr.cli import adapters, audit, config, demo, quarantine, query, serving
from scr.cli.context import Context
from scr.errors import ScrError

app = typer.Typer(
    name="scr",
    help="Shared care record: one person's record, from every source, with an account of what is missing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(demo.app, name="demo")
app.command("serve")(serving.serve)
app.command("listen")(serving.listen)
app.command("watch")(serving.watch)
app.command("query")(query.query)
app.add_typer(adapters.app, name="adapters")
app.command("init")(config.init)
app.command("config")(config.show)
app.add_typer(quarantine.app, name="quarantine")
app.command("audit")(audit.audit)


@app.callback()
def root(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="The deployment's folder (SCR_HOME): scr.toml, overrides, keys, data."),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version, and end.")] = False,
) -> None:
    """Shared care record."""
    if version:
        typer.echo(f"scr {__version__}")
        raise typer.Exit
    context.obj = Context(home)


def main() -> None:
    """Run the command line; an error that its user can mend prints as one line, without a traceback."""
    try:
        app()
    except ScrError as error:
        Console(stderr=True).print(
            f"scr: {error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
