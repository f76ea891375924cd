"""``scr erase`` and ``scr keys turn``: two people erase somebody; a data key is changed in stages."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import select
from typer.testing import CliRunner, Result

from scr.cli.app import command_line
from scr.errors import Forbidden, NotFound
from scr.store.engine import Database
from scr.store.people import Person
from scr.store.tables import KEY_TURN, PERSON


def run(tmp_path: Path, *words: str) -> Result:
    """Run a verb."""
    return CliRunner().invoke(command_line(list(words)), ["--home", str(tmp_path / "home"), *words])


def test_one_asks_and_another_confirms(tmp_path: Path, database: Database, person: Person) -> None:
    """Nothing is erased by one alone; what was asked for is listed; after it nobody is held."""
    assert "Nobody has asked" in run(tmp_path, "erase", "list").output
    because = ("--reason", "asked for in writing")
    assert isinstance(run(tmp_path, "erase", "ask", "x", "--by", "Ann Lee", *because).exception, NotFound)
    asked = run(tmp_path, "erase", "ask", person.patient_id, "--by", "Ann Lee", *because)
    found = re.search(r"Asked for: (\S+)\.", asked.output)
    assert found is not None
    listed = run(tmp_path, "erase", "list").output
    assert found[1] in listed
    assert "Ann Lee" in listed
    assert isinstance(run(tmp_path, "erase", "confirm", found[1], "--by", "Ann Lee").exception, Forbidden)
    assert "Withdrawn" in run(tmp_path, "erase", "withdraw", found[1], "--by", "Bo").output
    again = run(tmp_path, "erase", "ask", person.patient_id, "--by", "Ann Lee", *because).output
    done = run(tmp_path, "erase", "confirm", again.split()[2].strip("."), "--by", "Bo Lim")
    assert "1 row of a person" in done.output
    assert database.read_now(lambda c: c.execute(select(PERSON)).all()) == []
    assert person.key in (tmp_path / "home" / "erased.jsonl").read_text()


def test_a_data_key_is_turned_in_stages(tmp_path: Path, database: Database, person: Person) -> None:
    """Those that were made before the day: announced first, then it has to wait; others are left alone."""
    older = run(tmp_path, "keys", "turn", "--before", "1970-01-01", "--no-wait")
    assert "No data key" in older.output
    first = run(tmp_path, "keys", "turn", "--no-wait")
    assert "1 are announced, 0 turned" in first.output
    assert run(tmp_path, "keys", "turn", "--no-wait").output == first.output
    [row] = database.read_now(lambda c: c.execute(select(KEY_TURN)).all())
    assert (row.person, row.stage) == (person.key, "announced")
