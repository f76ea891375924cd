"""What an operator changes is in the audit trail, with the change or before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.api.oauth.systems import EC, key_set
from typer.testing import CliRunner

from scr.api.services import open_database
from scr.cli.app import command_line
from scr.settings import Settings
from scr.store.trail import AuditRow, recent

RUN = CliRunner()


def rows(home: Path) -> list[AuditRow]:
    """The audit trail, the newest first."""
    database = open_database(Settings(home=home))
    try:
        return database.read_now(lambda connection: recent(connection, 100))
    finally:
        database.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A new deployment."""
    made = tmp_path / "home"
    assert RUN.invoke(command_line(["init", str(made)]), ["init", str(made)]).exit_code == 0
    return made


def test_every_change_of_clients_and_keys_is_a_row(home: Path, tmp_path: Path) -> None:
    """One each, that says what was done and by whom; what is refused leaves none of its own."""
    keys = tmp_path / "keys.json"
    keys.write_bytes(key_set(EC))
    add = (
        "clients", "add", "lab", "--name", "The laboratory", "--organisation", "RXX",
        "--scope", "system/Patient.r", "--keys", str(keys),
    )  # fmt: skip
    acts = (
        (add, "create client"),
        (("clients", "disable", "lab"), "update client"),
        (("clients", "rotate-key"), "create signing key"),
        (("keys", "new"), "create encryption key"),
        (("keys", "rewrap"), "update data keys"),
    )
    for arguments, said in acts:
        before = len(rows(home))
        line = ["--home", str(home), *arguments]
        assert RUN.invoke(command_line(line), line).exit_code == 0, arguments
        [row, *_] = found = rows(home)
        assert (f"{row.action} {row.what}", row.actor, row.outcome) == (
            said,
            "operator|command-line",
            "success",
        )
        assert len(found) == before + 1
    line = ["--home", str(home), *add]
    before = len(rows(home))
    assert RUN.invoke(command_line(line), line).exit_code != 0
    assert len(rows(home)) == before
