"""``scr``: one function a verb."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from scr.errors import ScrError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def main() -> None:
    """Run the command line; an error that a user can mend prints as one line, without a traceback."""
    try:
        app()
    except ScrError as error:
        Console(stderr=True).print(f"[bold red]scr:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
