"""``scr outbound``: what has not arrived is listed, and tried again."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from scr.api.services import open_database
from scr.cli.app import command_line
from scr.cli.config import init
from scr.errors import NotFound
from scr.settings import load
from scr.store import alerts
from scr.store.alerts import Alert


def test_what_has_not_arrived_is_listed_and_tried_again(tmp_path: Path) -> None:
    """What waits, what failed, what was given up; not what arrived. One is tried again, or every one."""
    home = tmp_path / "home"
    init(home)
    database = open_database(load({"home": home}).settings)
    rows = (
        Alert("waits", alerts.OVERDUE, 1, 1),
        Alert("failed", alerts.OVERDUE, 2, 10**13, tries=3, problem="webhook: status-503"),
        Alert("lost", alerts.OVERDUE, 3, 10**13, tries=9, problem="webhook: not-reached", done=4),
        Alert("arrived", alerts.OVERDUE, 4, 4, tries=1, taken="webhook", done=5),
    )
    for row in rows:
        database.write_now(lambda connection, row=row: alerts.put(connection, row))  # type: ignore[misc]

    def run(*arguments: str) -> str:
        line = ["--home", str(home), "outbound", *arguments]
        return CliRunner().invoke(command_line(line), line, catch_exceptions=False).output

    listed = run("list")
    assert [name in listed for name in ("waits", "failed", "lost", "arrived")] == [True, True, True, False]
    assert "given up" in listed
    assert "1 message will" in run("retry", "lost")
    retried = database.read_now(lambda connection: alerts.find(connection, "lost"))
    assert retried is not None
    assert (retried.done, retried.given_up, retried.tries) == (None, False, 9)
    assert retried.next < 10**13
    with pytest.raises(NotFound, match="outbound list"):
        run("retry", "arrived")
    assert "2 messages will" in run("retry", "--all")
    assert "name one" in run("retry")
    for row in rows:
        database.write_now(lambda connection, row=row: alerts.write(connection, rows[3]))  # type: ignore[misc]
    database.close()
