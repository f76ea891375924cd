"""``scr tables``: what is to come is listed, the tables are brought up and taken back; the audit has it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from scr.api.services import open_database
from scr.cli.app import command_line
from scr.cli.config import init
from scr.errors import Invalid, NotFound
from scr.settings import load
from scr.store.engine import Database
from scr.store.migrations import revision_of, revisions
from scr.store.tables import AUDIT


def test_tables_are_listed_brought_up_and_taken_back(tmp_path: Path) -> None:
    """None there; none to come; taken back only where that is said; what needs a stop is told; up again."""
    home = tmp_path / "home"
    init(home)

    def run(*arguments: str) -> str:
        line = ["--home", str(home), "tables", *arguments]
        return CliRunner().invoke(command_line(line), line, catch_exceptions=False).output

    with pytest.raises(NotFound, match="first start"):
        run("list")
    newest = revisions()[0]
    open_database(load({"home": home}).settings).close()
    assert f"at {newest}" in run("up")
    with pytest.raises(Invalid, match="not to be taken back"):
        run("back", newest)
    with pytest.raises(NotFound, match="no such revision"):
        run("back", "9999")
    assert "--yes" in run("back", "0030")
    assert "at 0030" in run("back", "0030", "--yes")
    listed = run("list")
    assert "needs a stop: rows are moved" in " ".join(listed.split())
    assert "rolling" in listed
    assert "nobody else" in listed
    assert f"at {newest}" in run("up")
    database = Database.open(load({"home": home}).settings.resolved_database_url)
    assert database.read_now(revision_of) == newest
    query = select(AUDIT.c.details).where(AUDIT.c.what == "tables").order_by(AUDIT.c.at)
    details = database.read_now(lambda connection: list(connection.execute(query).scalars()))
    database.close()
    assert [msgspec.json.decode(one) for one in details] == [
        {"before": newest, "now": "0030"},
        {"before": "0030", "now": newest},
    ]
