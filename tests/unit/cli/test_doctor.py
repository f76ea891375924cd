"""`scr doctor`: what is wrong with a deployment is named, and is the exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.functional.deployment import make_home
from typer.testing import CliRunner

from scr import faults
from scr.api.services import now_ms, open_database
from scr.cli.app import command_line
from scr.cli.doctor import examined
from scr.data import packaged_root
from scr.settings import Settings
from scr.store.alerts import OVERDUE, Alert, put
from scr.store.backup.last import LAST, note_backup
from scr.store.migrations import downgrade
from scr.store.trail import AuditRow, append


def found(**settings: object) -> dict[str, str]:
    """How each thing is."""
    return {one.what: one.how for one in examined(Settings.model_validate(settings))}


def test_that_people_see_little_without_terminologies_is_told(tmp_path: Path) -> None:
    """As shipped; where the policy shows what is unclassified, it is told that labels may be missed; with a
    release there is nothing to say, and a pointer to none is wrong."""
    what, folder = "what people see online", tmp_path / "terminology"
    told = {one.what: one for one in examined(Settings(home=tmp_path))}
    assert (told[what].how, "scr terminology load" in told[what].told) == ("look", True)
    labels = (packaged_root() / "consent/labels.yaml").read_text("utf-8")
    (tmp_path / "consent").mkdir()
    shown = labels.replace("citizen: withheld", "citizen: normal").replace("carer: withheld", "carer: normal")
    (tmp_path / "consent/labels.yaml").write_text(shown, "utf-8")
    told = {one.what: one for one in examined(Settings(home=tmp_path))}
    assert (told[what].how, "may be missed" in told[what].told) == ("look", True)
    folder.mkdir()
    (folder / "current").write_text("release-1.sqlite", "ascii")
    assert found(home=tmp_path)[what] == "well"
    (folder / "current").write_text("another", "ascii")
    assert found(home=tmp_path)[what] == "wrong"


def test_what_ails_a_deployment_is_named(tmp_path: Path) -> None:
    """A sound one has nothing wrong; an open key, older tables, late seals, what is missing: each is told."""
    make_home(tmp_path)
    (tmp_path / "drop").mkdir()
    assert found(home=tmp_path)["database"] == "look"
    assert not (tmp_path / "scr.db").exists()  # it looks, and makes nothing
    database = open_database(Settings(home=tmp_path))
    assert "wrong" not in found(home=tmp_path).values()
    lost = Alert("a", OVERDUE, 1, 1, tries=9, problem="webhook: not-reached", done=2)
    database.write_now(lambda connection: put(connection, lost))
    faults.allow(tmp_path)
    row = AuditRow(at=1, actor="", action="read", what="Patient", outcome="refused", correlation="c")
    database.write_now(lambda connection: append(connection, row))
    downgrade(database, "-1")
    database.close()
    (tmp_path / "keys/index.key").chmod(0o644)
    (tmp_path / "keys/audit.key").chmod(0o640)
    (tmp_path / "keys/signing.json").unlink()
    (tmp_path / "no.pem").write_text("nothing")
    ill = found(
        home=tmp_path, mllp_certificate="no.pem", upload_scanner="clamd:/nowhere", alert_folder="gone"
    )
    wrong = {what for what, how in ill.items() if how == "wrong"}
    assert wrong == {
        "index_key", "audit seals", "mllp_certificate", "upload_scanner", "alert_folder", "outbound",
        "fault-injection",
    }  # fmt: skip
    assert {ill["audit_key"], ill["signing_keys"], ill["migrations"]} == {"look"}


@pytest.mark.parametrize(("hours", "how"), [(None, "look"), (0, "well"), (24, "well"), (48, "look")], ids=str)
def test_the_age_of_the_last_backup_is_told(tmp_path: Path, hours: int | None, how: str) -> None:
    """One that is older than a day and a half, or none, is to be looked at; where it is stands with it."""
    make_home(tmp_path)
    if hours is not None:
        note_backup(tmp_path / LAST, tmp_path / "scr-made", now_ms() - hours * 3_600_000)
    [told] = [one for one in examined(Settings(home=tmp_path)) if one.what == "backup"]
    assert told.how == how
    assert hours is None or ("scr-made" in told.told and f"{hours // 24} days" in told.told)


@pytest.mark.parametrize("sound", [True, False])
def test_the_exit_code_says_whether_anything_is_wrong(tmp_path: Path, sound: bool) -> None:
    """One table; 1 where a key is not there."""
    make_home(tmp_path)
    (tmp_path / "drop").mkdir()
    if not sound:
        (tmp_path / "keys/encryption.key").unlink()
    result = CliRunner().invoke(command_line(["doctor"]), ["--home", str(tmp_path), "doctor"])
    assert result.exit_code == int(not sound), result.output
    assert "encryption_key" in result.output
