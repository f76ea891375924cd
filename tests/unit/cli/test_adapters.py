"""``scr adapters try`` and ``check``: what is printed, what is written, and how they end."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.unit.intake.feeder import ROW, Feeder
from typer.testing import CliRunner, Result

from scr.api.services import now_ms, open_database
from scr.cli.app import command_line
from scr.cli.context import Context
from scr.data import packaged_root
from scr.errors import ScrError
from scr.store.keys import KeyRing
from scr.store.quarantine import quarantined

SAMPLES = packaged_root() / "adapters" / "gp-registrations" / "samples"


def run(home: Path, *words: str) -> Result:
    """Run ``scr adapters``."""
    return CliRunner().invoke(command_line(["adapters"]), ["--home", str(home), "adapters", *words])


def test_try_prints_the_fhir_beside_its_source(tmp_path: Path) -> None:
    """Source, resources and figures, with the adapter found by itself."""
    result = run(tmp_path, "try", str(SAMPLES / "list.csv"))
    assert result.exit_code == 0
    assert '"resourceType": "Patient"' in result.output
    assert "Coverage 100.0%" in result.output
    assert "Adapter gp-registrations." in result.output


def test_try_as_json(tmp_path: Path) -> None:
    """The same as JSON, and nothing beside it."""
    told = json.loads(run(tmp_path, "try", str(SAMPLES / "list.csv"), "--json", "--show", "1").stdout)
    assert told["adapter"] == "gp-registrations"
    assert told["counts"]["units"] == 2
    assert len(told["units"]) == 1
    assert told["counts"]["mapped"] + told["counts"]["ignored"] == len(told["fields"])


def test_the_page_escapes_the_payload_and_has_no_script(tmp_path: Path) -> None:
    """Markup in a payload is text on the page; the page is readable by its owner only."""
    raw = (SAMPLES / "list.csv").read_bytes()
    assert b"Sample" in raw
    payload, page = tmp_path / "a<b>.csv", tmp_path / "page.html"
    payload.write_bytes(raw.replace(b"Sample", b"<script>alert(1)</script>"))
    result = run(tmp_path, "try", str(payload), "--adapter", "gp-registrations", "--html", str(page))
    text = page.read_text(encoding="utf-8")
    assert result.exit_code == 0
    assert "&lt;script&gt;alert(1)" in text
    assert not re.search(r"<script|<b>|\son\w+=", text)
    assert page.stat().st_mode & 0o077 == 0


def test_try_ends_with_1_where_nothing_can_be_filed(tmp_path: Path) -> None:
    """A payload of which every part would go to quarantine."""
    result = run(tmp_path, "try", str(SAMPLES / "broken.csv"), "--adapter", "gp-registrations")
    assert result.exit_code == 1
    assert "row 3" in result.output


def test_try_names_the_nearest_adapter(tmp_path: Path) -> None:
    """A name that is not there."""
    result = run(tmp_path, "try", str(SAMPLES / "list.csv"), "--adapter", "gp-registration")
    assert isinstance(result.exception, ScrError)
    assert "did you mean 'gp-registrations'?" in str(result.exception)


def test_a_draft_asks_its_questions_on_a_narrow_screen_too(tmp_path: Path) -> None:
    """Beneath the table, whole, and by the name of the column."""
    sample = tmp_path / "residents.csv"
    sample.write_text("Resident,NHS No,Allergies\nR1,9990001014,Nuts\nR2,9990001022,None\n", encoding="utf-8")
    result = run(tmp_path, "draft", str(sample), "--setting", "care-home", "--name", "own-diary")
    assert result.exit_code == 0, result.output
    assert "\n  Allergies: One text for all allergies, or one each?" in result.output


def test_a_draft_is_named_after_its_file_but_for_numbers(tmp_path: Path) -> None:
    """Without a name it has the letters of the file's; a number in that could be somebody's."""
    sample = tmp_path / "Residents 999 000 1014.csv"
    sample.write_text("Resident,NHS No\nR1,9990001014\n", encoding="utf-8")
    result = run(tmp_path, "draft", str(sample), "--setting", "care-home")
    assert result.exit_code == 0, result.output
    made = tmp_path / "adapters" / "residents"
    assert (made / "samples" / "Residents n.csv").exists()
    assert not [path for path in made.rglob("*") if "1014" in path.name or b"1014" in _bytes(path)]


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def test_check_prints_a_table_where_all_is_well(tmp_path: Path) -> None:
    """Each adapter with its samples and checks."""
    result = run(tmp_path, "check", "gp-registrations", "lab-oru")
    assert result.exit_code == 0
    assert re.search(r"gp-registrations +\d+ +(\d+) of \1", result.output)


@pytest.mark.parametrize("written", [False, True])
def test_check_holds_a_deployments_own_adapter(tmp_path: Path, written: bool) -> None:
    """What is missing is listed, with exit code 1; the same verb writes the goldens."""
    folder = tmp_path / "adapters" / "own-list"
    (folder / "samples").mkdir(parents=True)
    packaged = SAMPLES.parent
    (folder / "adapter.yaml").write_bytes((packaged / "adapter.yaml").read_bytes())
    for name in ("list.csv", "broken.csv"):
        (folder / "samples" / name).write_bytes((SAMPLES / name).read_bytes())
    result = run(tmp_path, "check", "own-list", *(["--write-goldens"] if written else []))
    assert result.exit_code == 1
    assert "own-list: schema: own-list: there is no README.md" in result.output
    assert ("nothing says what it must give" in result.output) is not written
    assert (folder / "samples" / "list.csv.expected.json").is_file() is written


async def test_losses_and_drift_are_told(tmp_path: Path, keys: KeyRing) -> None:
    """What the intake counted and noticed is listed, by provider; before anything came, that is said."""
    assert "Nothing was received" in run(tmp_path, "losses").output
    assert "No feed departed" in run(tmp_path, "drift").output
    feeder = Feeder(open_database(Context(tmp_path).load().settings), keys, "warn", now_ms)
    await feeder.send(*[ROW] * 30)
    await feeder.send(ROW.replace(",F,", ",Female,"))
    await feeder.intake.drift.flush(feeder.database)
    feeder.database.close()
    told = run(tmp_path, "losses", "--provider", "Z9901").output
    assert re.search(r"gp-registrations +units +filed +31", told)
    assert re.search(r"Z9901 .*-\d\d +9 +8 +0 +1 +88\.9%", told)
    assert re.search(r"unmapped field +Note +31", told)
    assert "Nothing was received" in run(tmp_path, "losses", "--provider", "Z9902").output
    assert re.search(r"new-code +Sex", run(tmp_path, "drift").output)


async def test_what_is_in_quarantine_is_listed_with_its_whole_id(tmp_path: Path, keys: KeyRing) -> None:
    """As wide as the screen may be: the id is what `show` and `retry` ask for."""
    feeder = Feeder(open_database(Context(tmp_path).load().settings), keys, "warn", now_ms)
    await feeder.send(ROW.replace("999", "998", 1))
    (held,) = feeder.database.read_now(quarantined)
    feeder.database.close()
    command = command_line(["quarantine"])
    result = CliRunner(env={"COLUMNS": "80"}).invoke(command, ["--home", str(tmp_path), "quarantine", "list"])
    assert held.id in result.output
