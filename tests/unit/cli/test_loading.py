"""What is loaded for what: a process that serves nobody, and a line of help, load nothing that serves; a
worker nothing that few ask for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from scr.cli.app import command_line

_SELDOM = {"alembic", "dbos", "fpdf", "opentelemetry.sdk", "prometheus_client", "scr.intake.mesh_client"}
_SERVING = {
    "scr.api.app", "scr.api.services", "scr.fhir", "scr.mapping", "scr.store", "scr.terminology",
    "scr.onboarding", "sqlalchemy", "sqlmodel", "psycopg", "fastapi", "starlette", "httpx", "aiohttp",
    "cryptography", "joserfc", "opentelemetry", "jinja2", "jmespath", "yaml",
}  # fmt: skip
_LINES = {
    "help": (
        "from scr.cli import main\nsys.argv[1:] = ['--help']\ntry: main()\nexcept SystemExit: pass",
        _SERVING | _SELDOM,
    ),
    "the process that keeps the server": (
        "import scr.cli.app, scr.cli.serve\n"
        "from scr.settings import load\nscr.cli.serve.http_server(load({'home': home}).settings)",
        _SERVING | _SELDOM,
    ),
    "verbs that list rows": (
        "import scr.cli.app, scr.cli.audit, scr.cli.keys, scr.cli.quarantine, scr.cli.tables",
        {"scr.api.services", "fastapi", "httpx", "aiohttp", "scr.mapping", "scr.broker", "scr.consent.policy"}
        | _SELDOM,
    ),
    "its worker": ("import scr.cli.app, scr.cli.serve, scr.api.worker", _SELDOM),
}


@pytest.mark.parametrize(("line", "heavy"), _LINES.values(), ids=list(_LINES))
def test_nothing_is_loaded_that_is_not_needed(line: str, heavy: set[str], tmp_path: Path) -> None:
    """By name, in a process of its own: each of these would be there for its whole life, or at every line."""
    program = f"import sys\nhome = sys.argv[1]\n{line}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    assert "scr.cli.context" in loaded
    assert not loaded & heavy


def test_what_help_says_of_a_verb_is_what_the_verb_says() -> None:
    """Help says it without loading the verb, of every module that has one."""
    listed = typer.main.get_command(command_line([]))
    assert isinstance(listed, TyperGroup)
    loaded = typer.main.get_command(command_line(list(listed.commands)))
    assert isinstance(loaded, TyperGroup)
    told = {name: (verb.help or "").split("\n\n")[0] for name, verb in listed.commands.items()}
    assert told == {name: (verb.help or "").split("\n\n")[0] for name, verb in loaded.commands.items()}
