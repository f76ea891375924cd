"""``scr``: one function a verb, one module a group of them. Every verb shares the deployment's home."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from scr import __version__
from scr.cli.context import Context
from scr.errors import ScrError

_GROUPS = (
    "demo", "adapters", "providers", "quarantine", "identity", "terminology", "consent", "privacy", "clients",
    "audit", "misuse", "keys", "erase", "outbound", "tables",
)  # fmt: skip
_VERBS = {
    "serve": "serving",
    "listen": "serving",
    "watch": "serving",
    "poll": "serving",
    "work": "serving",
    "receive": "receive",
    "query": "query",
    "conform": "conform",
    "init": "config",
    "config": "config",
    "doctor": "doctor",
    "backup": "backup",
    "restore": "backup",
}
"""Each verb and the module of its function; a group is ``app`` in the module of its name."""


def command_line(arguments: Sequence[str]) -> typer.Typer:
    """The command line. Only what the arguments may call is imported: all of it takes a second or two."""
    app = typer.Typer(
        name="scr",
        help="Shared care record: one person's record from every source, and what is missing of it.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(root)
    every = {*_GROUPS, *_VERBS}
    called = every & {*arguments} or (every if "--version" not in arguments else {"config"})
    for name in _GROUPS:
        if name in called:
            app.add_typer(import_module(f"scr.cli.{name}").app, name=name)
    for name, module in _VERBS.items():
        if name in called:
            app.command(name)(getattr(import_module(f"scr.cli.{module}"), name))
    return app


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"scr {__version__}")
        raise typer.Exit


def root(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="The deployment's folder (SCR_HOME): scr.toml, overrides, keys, data."),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_version, help="Print the version, and end."),
    ] = False,
) -> None:
    """Shared care record."""
    context.obj = Context(home)


def main() -> None:
    """Run the command line; an error that its user can mend prints as one line, without a traceback."""
    try:
        command_line(sys.argv[1:])()
    except ScrError as error:
        Console(stderr=True).print(
            f"scr: {error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
