"""``scr``: one function a verb, one module a group of them. Every verb shares the deployment's home."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from scr import __version__
from scr.cli.context import Context, tell
from scr.cli.memory import dump_nothing
from scr.errors import Fault, ScrError

_GROUPS = {
    "demo": "The demonstration: a shared care record and four suppliers.",
    "adapters": "The suppliers' mappings: list, draft, try, check.",
    "providers": "The providers: their gates, their evidence, and the six months.",
    "quarantine": "What could not be filed, why, and another try.",
    "identity": "Who is who: ask PDS whose a number is; link, unlink, bar.",
    "terminology": "Code systems and maps: those in force, and the codes that no map has.",
    "consent": "Who may see what, and why.",
    "privacy": "Broken glasses and claimed relationships, and their review.",
    "clients": "Systems and apps that may ask for tokens, and the keys that sign these.",
    "audit": "Who looked; and whether what is written of it stands.",
    "misuse": "Looks that may be misuse: rules, lists, findings.",
    "keys": "Keys: a new one that wraps, and new ones for what people have.",
    "erase": "Destroy somebody's data for good: one asks, another confirms.",
    "outbound": "What goes out of the house and has not arrived.",
    "tables": "The tables: their revision, and the next ones.",
}
"""Each group of verbs, which is ``app`` in the module of its name, and what it is for."""
_VERBS = {
    "serve": (
        "serve",
        "Serve the FHIR endpoint over HTTP, take HL7 v2 over MLLP, watch the drop folder, poll MESH.",
    ),
    "listen": ("serving", "Take HL7 v2 over MLLP only."),
    "watch": ("serving", "Watch the drop folder only."),
    "poll": ("serving", "Poll the MESH mailboxes only."),
    "work": (
        "serving",
        "Send what goes out of the house, and do what a clock asks for: no HTTP, and nothing is taken in.",
    ),
    "receive": (
        "receive",
        "Take in one file of a provider, as its feed would: kept, filed or quarantined, part by part.",
    ),
    "query": ("query", "Print a person's record by heading, with its sources and their state."),
    "conform": (
        "conform",
        "Ask a live endpoint for everything that it claims, and report. Exit code 1 where anything failed.",
    ),
    "init": ("config", "Make a deployment's folder: new keys, and a settings file to fill in."),
    "config": ("config", "Print every setting in force, and where it came from."),
    "doctor": (
        "doctor",
        "Look at settings, keys, database, audit, certificates, folders and scanner; 1 where one is wrong.",
    ),
    "backup": ("backup", "Make a backup while all goes on. The keys are not in it: keep them elsewhere."),
    "restore": (
        "backup",
        "Put a backup in place: hashes and the whole audit are verified first. Stop every process before.",
    ),
}
"""Each other verb, the module of its function, and what it does: `scr --help` loads none of them."""
_COLLECTED = (50_000, 20, 100)
"""When the garbage collector looks. What is imported makes no garbage, and thousands of objects that stay: at
its defaults the collector looked through all of them again and again, for a fifth of a start."""


def command_line(arguments: Sequence[str]) -> typer.Typer:
    """The command line. Only what the arguments call is imported: all of it takes a second or two."""
    app = typer.Typer(
        name="scr",
        help="Shared care record: one person's record from every source, and what is missing of it.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(root)
    called = {*arguments}
    for name, (module, told) in _VERBS.items():
        verb = getattr(import_module(f"scr.cli.{module}"), name) if name in called else _not_called
        app.command(name, help=None if name in called else told)(verb)
    for name, told in _GROUPS.items():
        if name in called:
            app.add_typer(import_module(f"scr.cli.{name}").app, name=name)
        else:
            app.command(name, help=told)(_not_called)
    return app


def _not_called() -> None:
    """In the place of a verb that the arguments do not name: it is listed, and not loaded."""
    raise Fault("a verb was called that was not named")


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
    gc.set_threshold(*_COLLECTED)
    dump_nothing()
    try:
        command_line(sys.argv[1:])()
    except ScrError as error:
        tell(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
