"""``scr privacy``: what was claimed is listed, shown, ended and reviewed, by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scr.api.services import now_ms
from scr.cli.app import command_line
from scr.consent.actor import Actor, ActorKind
from scr.errors import Conflict, Invalid, NotFound
from scr.fhir.identifiers import OdsCode
from scr.identity.claims import Terms, claim, draft
from scr.store import alerts
from scr.store.claims import Claim, ClaimKind
from scr.store.engine import Database
from scr.store.people import Person
from scr.store.trail import AuditRow, append, recent

DOCTOR = Actor(
    ActorKind.PROFESSIONAL, "issuer|1", name="Dr Ada Finch", role="R8000", organisation=OdsCode("ZZH01")
)
BY = ("--by", "Tamsin Arkwright")


@pytest.fixture
def broken(person: Person, database: Database) -> Claim:
    """A broken glass, under which something was looked at."""
    terms = Terms(ClaimKind.GLASS, "BTG", 4, 12, 5, frozenset({"relationship"}))
    now = now_ms()
    drafted, reason = draft(DOCTOR, terms, hours=4, now=now), "No notes with [b]him[/b]"
    made = database.write_now(lambda c: claim(c, person, (person,), DOCTOR, terms, drafted, reason))
    row = AuditRow(
        at=now + 1,
        actor=DOCTOR.subject,
        action="query",
        what="Observation",
        outcome="success",
        person=person.key,
        purpose="BTG",
        details={"glass": made.id},
    )
    database.write_now(lambda c: append(c, row))
    return made


def run(tmp_path: Path, *words: str) -> Result:
    """Run a verb of ``scr privacy``."""
    home = str(tmp_path / "home")
    return CliRunner().invoke(command_line(["privacy"]), ["--home", home, "privacy", *words])


def test_nothing_waits(tmp_path: Path, database: Database) -> None:
    """An empty list says so; an id that nobody has is told as that."""
    assert "Nothing waits" in run(tmp_path, "list").output
    assert "Nothing was claimed" in run(tmp_path, "list", "--all").output
    assert isinstance(run(tmp_path, "show", "x", *BY).exception, NotFound)


def test_from_the_list_to_the_review(tmp_path: Path, database: Database, broken: Claim) -> None:
    """The list names nobody; what is shown is in the audit; ended once, reviewed, it is off the list."""
    listed = run(tmp_path, "list").output
    assert broken.id in listed
    assert "Bert" not in listed
    shown = run(tmp_path, "show", broken.id, *BY).output
    for word in ("Bert Sample", "999 000 1014", "No notes with [b]him[/b]", "Observation", "open", "Finch"):
        assert word in shown
    assert isinstance(run(tmp_path, "show", broken.id, "--by", " ").exception, Invalid)
    assert run(tmp_path, "withdraw", broken.id, *BY).exit_code == 0
    assert isinstance(run(tmp_path, "withdraw", broken.id, *BY).exception, Conflict)
    assert "withdrawn by Tamsin Arkwright" in run(tmp_path, "show", broken.id, *BY).output
    refused = run(tmp_path, "review", broken.id, "appropriate", *BY, "--note", " ")
    assert isinstance(refused.exception, Invalid)
    assert run(tmp_path, "review", broken.id, "fine", *BY, "--note", "x").exit_code == 2
    done = run(tmp_path, "review", broken.id, "appropriate", *BY, "--note", "Rang the ward.")
    assert done.exit_code == 0
    assert "Nothing waits" in run(tmp_path, "list").output
    assert "appropriate" in run(tmp_path, "list", "--all").output
    shown = run(tmp_path, "show", broken.id, *BY).output
    assert "appropriate, Tamsin Arkwright" in shown
    assert "Rang the ward." in shown
    told = [row.what for row in database.read_now(recent) if row.actor == "Tamsin Arkwright"]
    assert told[::-1] == [
        "privacy show",
        "privacy withdraw",
        "privacy show",
        "privacy review",
        "privacy show",
    ]


def test_an_alert_that_has_not_gone_out_is_told_of(tmp_path: Path, database: Database, broken: Claim) -> None:
    """The list begins with it once its delivery has failed."""
    database.write_now(lambda c: alerts.add(c, broken))
    assert "not gone out" not in run(tmp_path, "list").output
    tried = replace(
        alerts.Alert(broken.id, "glass", broken.since, 0), tries=1, problem="webhook: not-reached"
    )
    database.write_now(lambda c: alerts.write(c, tried))
    listed = run(tmp_path, "list").output
    assert listed.startswith("The alert of ")
    assert "has not gone out: webhook: not-reached." in listed
