"""``scr terminology load``, ``status``, ``remove-old``: what is printed, and what is on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.rf2 import Shape, write_release
from typer.testing import CliRunner, Result

from scr.cli.app import command_line
from scr.errors import Invalid, NotFound


def run(tmp_path: Path, *arguments: str) -> Result:
    """A verb in a deployment of its own."""
    words = ["--home", str(tmp_path / "home"), "terminology", *arguments]
    return CliRunner().invoke(command_line(words), words)


def test_a_load_tells_what_it_brought_and_status_what_is_in_force(tmp_path: Path) -> None:
    """Nothing, then a release: lines without bars, editions and versions, how many older ones."""
    assert "No terminologies are loaded" in run(tmp_path, "status").output
    given = str(write_release(tmp_path / "given", Shape()))
    first = run(tmp_path, "load", given)
    assert "Loaded snomed-ct INT/20260101." in first.output
    assert "sct2_Concept_Snapshot_INT_20260101.txt …" in first.output
    run(tmp_path, "load", given)
    told = run(tmp_path, "status").output
    assert "http://snomed.info/sct" in told
    assert "1 older" in told


def test_old_releases_are_removed_but_the_last_one(tmp_path: Path) -> None:
    """Of three older ones the last stays, unless none is to stay; the one in force always does."""
    given = str(write_release(tmp_path / "given", Shape()))
    for _ in range(3):
        run(tmp_path, "load", given)
    folder = tmp_path / "home" / "terminology"
    assert run(tmp_path, "remove-old").output.count("Removed") == 1
    assert len(list(folder.glob("*.sqlite"))) == 2
    assert "Removed" in run(tmp_path, "remove-old", "--keep", "0").output
    assert [path.name for path in folder.glob("*.sqlite")] == [(folder / "current").read_text().strip()]
    assert "Nothing to remove" in run(tmp_path, "remove-old").output


def test_what_is_refused_is_told_and_changes_nothing(tmp_path: Path) -> None:
    """A format that there is not, a file that there is not, half a release."""
    assert isinstance(run(tmp_path, "load", str(tmp_path), "--format", "none").exception, Invalid)
    assert isinstance(run(tmp_path, "load", str(tmp_path / "nowhere")).exception, NotFound)
    given = write_release(tmp_path / "given", Shape())
    next(given.rglob("*Relationship*")).unlink()
    failed = run(tmp_path, "load", str(given)).exception
    assert isinstance(failed, Invalid)
    assert "half a release" in str(failed)
    assert not list((tmp_path / "home").rglob("*.sqlite*"))


@pytest.mark.parametrize("verb", ["load", "status", "remove-old"])
def test_each_verb_explains_itself(tmp_path: Path, verb: str) -> None:
    """`--help` works without a deployment."""
    assert run(tmp_path, verb, "--help").exit_code == 0
