"""``scr providers``: what is printed, what is done, and what is refused."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from scr.cli.app import command_line, main
from scr.cli.config import init
from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.onboarding.register import declare_home_live, states
from scr.settings import load
from scr.store.engine import Database
from scr.store.onboarding import Stage
from scr.store.trail import recent

NOW = 1_767_225_600_000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A deployment of two providers: one whose time is over, one that has named no day."""
    folder = tmp_path / "home"
    init(folder)
    for ods, more in (("ZZC01", {"go_live": "2020-01-31"}), ("ZZC02", {})):
        connection = {"kind": "drop-folder", "pattern": "*.csv"}
        provider = {
            "organisation": {"ods": ods, "name": f"Council {ods}", "type": "council"},
            "feeds": [{"name": "care", "adapter": "client-level-data", "connection": connection}],
            **more,
        }
        file = folder / "adapters" / "providers" / f"{ods}.yaml"
        file.write_text(yaml.safe_dump(provider), encoding="utf-8")
    return folder


def run(home: Path, *words: str) -> Result:
    """Run ``scr providers``."""
    arguments = ["--home", str(home), "providers", *words]
    return CliRunner().invoke(command_line(["providers"]), arguments)


def done(home: Path, *words: str) -> str:
    """What a command printed that had to work."""
    result = run(home, *words)
    assert result.exit_code == 0, result.output
    return result.output


def standing(home: Path) -> dict[str, Stage]:
    """The stage of each provider."""
    database = Database.open(load({"home": home}).settings.resolved_database_url)
    found = database.read_now(lambda conn: states(conn, [OdsCode("ZZC01"), OdsCode("ZZC02")]))
    database.close()
    return {ods.value: state.stage for ods, state in found.items()}


def test_a_provider_goes_from_gate_to_gate(home: Path) -> None:
    """Each promotion says what is next; list, show and audit tell of it; undone, it is back."""
    listed = done(home, "list")
    assert "□□□□□□    registered" in listed
    assert "overdue" in listed
    assert "no go-live" in listed
    said = done(home, "promote", "zzc01", "--by", "Ann Lee")
    assert "ZZC01 is now configured." in said
    assert "Next: samples-passed." in said
    assert "■□□□□□    configured" in done(home, "list")
    shown = done(home, "show", "ZZC01")
    assert "✓ configured" in shown
    assert "| provider ZZC01: 1 feeds" in shown
    assert "back at registered" in done(home, "undo", "ZZC01", "--reason", "another file", "--by", "Bo Orr")
    assert "configured undone by Bo Orr" in done(home, "show", "ZZC01")
    database = Database.open(load({"home": home}).settings.resolved_database_url)
    rows = database.read_now(recent)
    database.close()
    assert [(row.action, dict(row.details)) for row in rows] == [
        ("undo", {"provider": "ZZC01"}), ("promote", {"provider": "ZZC01"}),
    ]  # fmt: skip


def test_a_gate_of_a_person_needs_evidence(home: Path, tmp_path: Path) -> None:
    """A file's name and digest are kept; testers are named; without evidence it is refused."""
    assert declare_home_live(home, by="tests", evidence="a test", now=NOW) == 2
    assert declare_home_live(home, by="tests", evidence="a test", now=NOW) == 0
    done(home, "undo", "ZZC01", "--reason", "again", "--gate", "clinical-safety-approved")
    result = run(home, "promote", "ZZC01", "--by", "Ann Lee")
    assert isinstance(result.exception, ScrError)
    assert result.exception.code == "no-evidence"
    report = tmp_path / "hazard log.pdf"
    report.write_bytes(b"hazards")
    done(home, "promote", "ZZC01", "--by", "Ann Lee", "--evidence", str(report))
    shown = done(home, "show", "ZZC01")
    assert "hazard log.pdf" in shown
    assert hashlib.sha256(b"hazards").hexdigest() in shown
    people = ("--tester", "issuer|t1", "--tester", "9990")
    done(home, "promote", "ZZC01", "--by", "Ann Lee", "--evidence", "plan 3", *people)
    assert "testers   9990, issuer|t1" in done(home, "show", "ZZC01")
    assert standing(home) == {"ZZC01": Stage.LIVE_FOR_TESTERS, "ZZC02": Stage.LIVE}


def test_the_clock_names_the_overdue_first(home: Path) -> None:
    """Six calendar months from the go-live in the file: those who have named no day run no clock."""
    told = done(home, "clock")
    assert "2020-01-31   2020-07-31" in told
    assert "1 overdue." in told
    assert "ZZC02" not in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("promote", "ZZC01", "--by", "Ann Lee", "--gate", "live"), "the next gate of ZZC01 is"),
        (("promote", "ZZ999", "--by", "Ann Lee"), "there is no provider ZZ999"),
        (("show", "a b"), "not an ODS code"),
        (("undo", "ZZC01", "--reason", "x"), "has not passed"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(
    home: Path,
    words: tuple[str, ...],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And ends with a code that is not zero."""
    monkeypatch.setattr(sys, "argv", ["scr", "--home", str(home), "providers", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code not in (0, None)
    assert told in capsys.readouterr().err
