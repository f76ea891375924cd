"""``scr receive``: a file by hand, with a bar where somebody watches and lines elsewhere."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from tests.unit.intake.feeder import HEADER, ROW
from typer.testing import CliRunner, Result

from scr.cli.app import command_line
from scr.cli.config import init
from scr.cli.receive import shown
from scr.errors import Invalid, NotFound


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A deployment of one practice with two feeds."""
    folder = tmp_path / "home"
    init(folder)
    connection = {"kind": "drop-folder", "pattern": "*.csv"}
    feeds = [
        {"name": name, "adapter": "gp-registrations", "connection": connection} for name in ("list", "other")
    ]
    organisation = {"ods": "ZZG01", "name": "A practice", "type": "gp-practice"}
    file = folder / "adapters" / "providers" / "ZZG01.yaml"
    file.write_text(yaml.safe_dump({"organisation": organisation, "feeds": feeds}), encoding="utf-8")
    return folder


def run(home: Path, *words: str) -> Result:
    """Run ``scr receive`` on a file of one good and one bad row."""
    file = home / "some.csv"
    file.write_text("\n".join([HEADER, ROW.format(1), ROW.format(2).replace("9990001014", "1")]), "utf-8")
    arguments = ["--home", str(home), "receive", str(file), *words]
    return CliRunner().invoke(command_line(["receive"]), arguments)


def test_what_came_of_a_file_is_told(home: Path) -> None:
    """How many parts were filed and held back; the same file again says that it was there before."""
    for again in ("filed, 1 are", "filed before, 1 are"):
        done = run(home, "--provider", "zzg01", "--feed", "list")
        assert done.exit_code == 0, done.output
        assert f"1 parts were {again} in quarantine" in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--provider", "ZZG99"), NotFound),
        (("--provider", "ZZG01"), NotFound),
        (("--provider", "ZZG01", "--feed", "none"), NotFound),
        (("--provider", "no code"), Invalid),
    ],
    ids=["no-provider", "several-feeds", "no-feed", "no-code"],
)
def test_who_sends_has_to_be_known(home: Path, words: tuple[str, ...], error: type[Exception]) -> None:
    """A provider or a feed that is not there is named, and nothing is taken."""
    assert isinstance(run(home, *words).exception, error)


def test_a_file_over_the_limit_is_left(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever raises the limit has decided to."""
    monkeypatch.setenv("SCR_MAX_PAYLOAD_BYTES", "100")
    assert "split it" in str(run(home, "--provider", "ZZG01", "--feed", "list").exception)


@pytest.mark.parametrize(("terminal", "lines"), [(True, 0), (False, 3)], ids=["terminal", "file"])
def test_progress_is_a_bar_or_lines(terminal: bool, lines: int) -> None:
    """A terminal is drawn over; what goes into a file has a line for each ten thousand rows."""
    written = io.StringIO()
    with shown(30_000, Console(file=written, force_terminal=terminal, width=100)) as progress:
        for row in range(0, 30_001, 500):
            progress(row, 0)
    assert written.getvalue().count(" filed, 0 in quarantine\n") == lines
    assert ("\x1b[" in written.getvalue()) is terminal
