"""``scr identity links``, ``show``, ``link``, ``unlink`` and ``bar``: what is done, told, and not told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scr.api.services import now_ms, open_database, open_keys
from scr.cli.app import command_line
from scr.cli.config import init
from scr.errors import Invalid, NotFound
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.identity import heard, index
from scr.identity.pds.facts import Invalidated
from scr.identity.recall import LINKS
from scr.settings import load
from scr.store import links as kept
from scr.store.engine import Database
from scr.store.trail import AuditRow, append, between

NUMBERS = ("9990001014", "9990000018")
WHO = ("--by", "Rowan Sample", "--reason", "seen the passport")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A deployment that holds two people."""
    folder = tmp_path / "home"
    init(folder)
    settings = load({"home": folder}).settings
    keys, database = open_keys(settings), open_database(settings)
    told = Demographics("Sample", ("Ada",), "1941-07-05")
    for number in NUMBERS:
        database.write_now(lambda c, n=number: index.register(c, keys, NHSNumber(n), told, 1))  # type: ignore[misc]
    database.close()
    return folder


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    """Its database."""
    opened = open_database(load({"home": home}).settings)
    yield opened
    opened.close()


def run(home: Path, *words: str, numbers: tuple[str, ...] = NUMBERS) -> Result:
    """Run a verb of ``scr identity``; the numbers come by the standard input."""
    given = "\n".join(numbers) + "\n"
    return CliRunner().invoke(command_line(["identity"]), ["--home", str(home), "identity", *words], given)


def test_a_link_is_made_shown_recalled_and_undone(home: Path, database: Database) -> None:
    """Nobody's number is printed but on demand; whoever was answered meanwhile is in the CSV."""
    done = run(home, "link", "--file", "-", *WHO)
    assert done.exit_code == 0, done.output
    [link] = database.read_now(kept.latest)
    assert link.id in run(home, "links").output
    shown = run(home, "show", link.id).output
    assert "operator" in shown
    assert not any(number in shown for number in NUMBERS)
    open_one = run(home, "show", link.id, "--evidence").output
    assert NHSNumber(NUMBERS[0]).spaced in open_one
    assert "seen the passport" in open_one
    look = AuditRow(
        now_ms(), "dr|1", "R", "Patient", "success", link.retained, role="R8000", details={LINKS: link.id}
    )
    refused = AuditRow(now_ms(), "dr|2", "R", "Patient", "refused", link.retained, details={LINKS: link.id})
    for row in (look, refused):
        database.write_now(lambda c, r=row: append(c, r))  # type: ignore[misc]
    before = run(home, "unlink", link.id, "--dry-run", "--recall").output
    assert "1 answers were given with it in force" in before
    assert isinstance(run(home, "unlink", link.id).exception, Invalid)
    told = run(home, "unlink", link.id, *WHO, "--recall", "--csv").output
    assert [line.split(",")[1] for line in told.splitlines()] == ["who", "dr|1"]
    assert "Nobody is linked" in run(home, "links").output
    assert link.id in run(home, "links", "--undone").output


def test_a_bar_undoes_what_stands_against_it_and_can_be_lifted(home: Path, database: Database) -> None:
    """By numbers that stand in no command line, and in no answer."""
    run(home, "link", "--file", "-", *WHO)
    barred = run(home, "bar", "--file", "-", *WHO)
    assert barred.exit_code == 0, barred.output
    assert "Undone" in barred.output
    assert not any(number in barred.output for number in NUMBERS)
    assert database.read_now(kept.latest) == []
    assert run(home, "link", "--file", "-", *WHO).exit_code == 1
    assert run(home, "bar", "--file", "-", "--lift", *WHO).exit_code == 0
    assert run(home, "link", "--file", "-", *WHO).exit_code == 0


@pytest.mark.parametrize(
    ("words", "numbers", "error"),
    [
        (("link", "--file", "-"), NUMBERS[:1], Invalid),
        (("link", "--file", "-"), (NUMBERS[0], "9990000026"), NotFound),
        (("link", "--file", "-"), (NUMBERS[0], "9990000027"), Invalid),
        (("link", "--file", "nowhere.txt"), NUMBERS, Invalid),
        (("bar", "--file", "-"), (NUMBERS[0], NUMBERS[0]), Invalid),
        (("bar", "--file", "-", "--lift"), NUMBERS, NotFound),
    ],
    ids=["one-number", "not-held", "no-number", "no-file", "the-same-twice", "no-bar"],
)
def test_what_cannot_be_done_is_said(
    home: Path, words: tuple[str, ...], numbers: tuple[str, ...], error: type[Exception]
) -> None:
    """And without a number in the words."""
    failed = run(home, *words, *WHO, numbers=numbers).exception
    assert isinstance(failed, error)
    assert not any(number in str(failed) for number in numbers)


def test_how_a_person_stands_is_shown_and_audited(home: Path, database: Database) -> None:
    """A number out of use stands in the queue and with the person, by their Patient's id."""
    keys = open_keys(load({"home": home}).settings)
    number = NHSNumber(NUMBERS[0])
    before = run(home, "review", "list").output
    assert "Nothing waits" in before
    database.write_now(lambda c: heard.out_of_use(c, keys, {number: Invalidated(number)}, now_ms()))
    held = database.read_now(lambda c: index.find(c, keys, number))
    assert held is not None
    listed = run(home, "review", "list").output
    assert held.patient_id in listed
    assert "taken out of use" in listed
    shown = run(home, "show", held.patient_id).output
    assert "out of use since" in shown
    assert number.spaced not in listed + shown
    assert number.spaced in run(home, "show", held.patient_id, "--evidence").output
    rows = database.read_now(lambda c: between(c, [held.key], 0))
    assert [row.what for row in rows if row.action == "read"] == ["identity show"] * 2
