"""``scr misuse``: the lists are put in, the audit is judged, and what was found is shown and decided on."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scr.api.services import now_ms, open_database, open_keys
from scr.cli.app import command_line
from scr.cli.config import init
from scr.errors import Invalid, NotFound
from scr.fhir.demographics import Demographics
from scr.fhir.identifiers import NHSNumber
from scr.identity import index
from scr.settings import load
from scr.store.trail import AuditRow, append, recent

NUMBER = NHSNumber("9990001014")
BY = ("--by", "Tamsin Arkwright")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A deployment with one person, and one look of one user at them."""
    home = tmp_path / "home"
    init(home)
    settings = load({"home": home}).settings
    database, keys = open_database(settings), open_keys(settings)
    told = Demographics("Sample", ("Bert",), "1968-09-12")
    person = database.write_now(lambda c: index.register(c, keys, NUMBER, told, 1))
    look = AuditRow(
        at=now_ms() - 60_000,
        actor="https://issuer.example|555",
        actor_name="Ada Finch",
        role="R8000",
        organisation="ZZH01",
        action="query",
        what="Observation",
        outcome="success",
        person=person.key,
    )
    database.write_now(lambda c: append(c, look))
    database.close()
    return home


def run(home: Path, *words: str) -> Result:
    """Run a verb of ``scr misuse``."""
    return CliRunner().invoke(command_line(["misuse"]), ["--home", str(home), "misuse", *words])


def test_from_the_lists_to_the_decision(home: Path, tmp_path: Path) -> None:
    """What is listed names nobody who was looked at; what is shown does, and is in the audit."""
    staff, vips = tmp_path / "staff.csv", tmp_path / "vips.csv"
    staff.write_text(f"user,nhs_number\n555,{NUMBER.spaced}\n", encoding="utf-8")
    vips.write_text(f"nhs_number,why\n{NUMBER.value},in the news\n", encoding="utf-8")
    assert "Nothing was found" in run(home, "list", "--all").output
    assert isinstance(run(home, "staff", "import", str(tmp_path / "none.csv"), *BY).exception, Invalid)
    assert "1 member of staff on the list" in run(home, "staff", "import", str(staff), *BY).output
    assert run(home, "vip", "import", str(vips), *BY).exit_code == 0
    assert "1 member of staff; 1 on the list" in run(home, "lists").output
    assert "1 visit judged, 1 written" in run(home, "run").output.replace("\n", " ")
    assert "nothing to judge" in run(home, "run").output
    listed = run(home, "list").output
    assert "Own record" in listed
    assert "Bert" not in listed
    identity = next(line.split()[0] for line in listed.splitlines() if "Own record" in line)
    assert isinstance(run(home, "show", "x", *BY).exception, NotFound)
    shown = run(home, "show", identity, *BY).output
    for word in (
        "Bert Sample",
        "999 000 1014",
        "it is the user's own record",
        "Observation",
        "own-record 100",
    ):
        assert word in shown
    assert run(home, "decide", identity, "fine", *BY, "--note", "x").exit_code == 2
    assert isinstance(run(home, "decide", identity, "misuse", *BY, "--note", " ").exception, Invalid)
    assert run(home, "decide", identity, "misuse", *BY, "--note", "Own results.").exit_code == 0
    assert "Nothing waits" in run(home, "list").output
    assert "Misuse: Own results." in run(home, "show", identity, *BY).output
    database = open_database(load({"home": home}).settings)
    told = {row.what for row in database.read_now(recent)}
    database.close()
    assert {"misuse staff list", "misuse vip list", "misuse show", "misuse decide"} <= told


def test_the_rules_in_force_are_printed(home: Path) -> None:
    """Those of the deployment's own file, where it has one; one that is wrong is told with its line."""
    assert "own-record 100" in run(home, "rules").output
    (home / "consent").mkdir(exist_ok=True)
    (home / "consent" / "misuse.yaml").write_text("raise_at: 0\n", encoding="utf-8")
    refused = run(home, "rules").exception
    assert isinstance(refused, Invalid)
    assert "misuse.yaml, line 1" in str(refused)
