"""``scr consent explain`` and ``scr consent test``: why, for whom, and whether the scenarios hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scr.api.services import open_database, open_keys
from scr.cli.app import command_line
from scr.cli.config import init
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.identity import index
from scr.settings import load
from scr.store.trail import recent

NUMBER = "9995100002"
SCENARIO = """\
now: "2026-06-01T12:00:00Z"
organisations: {ZZG01: gp-practice}
scenarios:
  - {name: Ours, who: {role: R8000, at: ZZG01}, answer: ANSWER}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A deployment with nobody in it."""
    init(tmp_path / "home")
    return tmp_path / "home"


def run(home: Path, *words: str, given: str = "") -> Result:
    """The verb, with what stands on its standard input."""
    arguments = ["--home", str(home), "consent", *words]
    return CliRunner().invoke(command_line(arguments), arguments, input=given)


@pytest.mark.parametrize(("answer", "code"), [("no-relationship", 0), ("permitted", 1)])
def test_a_deployment_s_own_scenarios_are_run_with_the_packaged_ones(
    home: Path, answer: str, code: int
) -> None:
    """One that does not hold is named with its file and line, and the exit code says so."""
    folder = home / "consent" / "scenarios"
    folder.mkdir(parents=True)
    (folder / "decisions-ours.yaml").write_text(SCENARIO.replace("ANSWER", answer))
    result = run(home, "test")
    assert result.exit_code == code
    assert ("decisions-ours.yaml, line 4: Ours: the answer is no-relationship" in result.output) == bool(code)


def test_why_somebody_is_refused_is_told_rule_by_rule_and_written_down(home: Path) -> None:
    """What denies, what would deny too, what would help; no number is printed, and the trail has a row."""
    settings = load({"home": home}).settings
    database = open_database(settings)
    number = NHSNumber.parse(NUMBER)
    database.write_now(
        lambda connection: index.register(connection, open_keys(settings), number, Demographics(), 0)
    )
    result = run(home, "explain", "--as", "R8000", "--at", "ZZG01", given=NUMBER)
    rows = database.read_now(lambda connection: recent(connection, 1))
    database.close()
    assert result.exit_code == 0, result.exception
    assert "refused: no-relationship" in result.output
    assert "would deny too" in result.output  # the organisation's type is not known either
    assert "What would change that: a registration" in result.output
    assert NUMBER not in result.output
    assert (rows[0].what, rows[0].action, rows[0].person is None) == ("consent explain", "E", False)


def test_nobody_is_explained_who_is_not_held(home: Path) -> None:
    """It is said, and the number is not repeated."""
    result = run(home, "explain", "--as", "R8000", "--at", "ZZG01", given=NUMBER)
    assert "nobody with this number is held" in str(result.exception)
    assert NUMBER not in str(result.exception)
