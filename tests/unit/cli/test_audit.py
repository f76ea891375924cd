"""``scr audit``: it is sealed, checked, and proved; what was changed is named."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from typer.testing import CliRunner

from scr.api.services import open_database
from scr.cli.app import command_line
from scr.settings import load
from scr.store.trail import AuditRow, append

ROW = AuditRow(at=1, actor="a|1", action="read", what="Patient", outcome="success", correlation="r1")


def scr(home: Path, *arguments: str) -> tuple[int, str]:
    """Run it; the exit code and what it printed."""
    arguments = ("--home", str(home), *arguments)
    done = CliRunner().invoke(command_line(arguments), arguments)
    return done.exit_code, done.output


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A deployment with an audit of one row."""
    assert scr(tmp_path, "init", str(tmp_path / "home"))[0] == 0
    _work(tmp_path / "home", partial(append, row=ROW))
    return tmp_path / "home"


def _work(home: Path, work: object) -> None:
    database = open_database(load({"home": home}).settings)
    database.write_now(work)  # type: ignore[arg-type]
    database.close()


def test_it_is_sealed_checked_and_proved_outside(home: Path, tmp_path: Path) -> None:
    """The proof is checked by the script beside it, with the key that was printed."""
    assert "1 rows are under no seal" in scr(home, "audit", "verify")[1].replace("\n", " ")
    assert "1 seals were made" in scr(home, "audit", "seal")[1]
    assert "nothing to seal" in scr(home, "audit", "seal")[1]
    code, told = scr(home, "audit", "verify")
    assert (code, "1 rows in 1 chains, 1 seals, 1 heads outside" in told) == (0, True)
    key, out = scr(home, "audit", "key")[1].strip(), tmp_path / "proof.json"
    assert scr(home, "audit", "proof", "r1", "--out", str(out), "--script")[0] == 0
    check = [sys.executable, "-I", str(tmp_path / "verify_audit_proof.py"), str(out)]
    done = subprocess.run([*check, "--key", key], capture_output=True, text=True, check=False)
    assert (done.returncode, "1 rows are in the audit, under the head of 1 seals" in done.stdout) == (0, True)
    proof = json.loads(out.read_bytes())
    out.write_text(json.dumps({**proof, "rows": [{**proof["rows"][0], "index": 1}]}))
    assert subprocess.run(check, capture_output=True, check=False).returncode == 1


def test_what_was_changed_is_named(home: Path) -> None:
    """The exit code is 1, and the row is told by its id and place."""
    scr(home, "audit", "seal")

    def change(connection: Connection) -> None:
        connection.execute(text("DROP TRIGGER audit_no_update"))
        connection.execute(text("UPDATE audit SET actor = 'nobody'"))

    _work(home, change)
    code, told = scr(home, "audit", "verify")
    assert code == 1
    assert "row-changed" in told
