"""Workflows over a database that is away, and over one that is there: one set of them in a process."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scr.api.services import now_ms
from scr.errors import Fault, Unavailable
from scr.sources.workflows import Workflows, open_workflows


@dataclass
class Noted:
    """Steps that note what they are asked. The first try meets an error of ours."""

    said: list[object] = field(default_factory=list)
    fails: bool = True

    def ways(self, what: str) -> list[str]:
        """Two."""
        return ["one", "two"]

    def send(self, what: str, way: str) -> str:
        """The second does not take it."""
        self.said.append((what, way))
        return "" if way == "one" else "not-reached"

    def note(self, what: str, number: int, said: dict[str, str]) -> None:
        """Once in vain."""
        if self.fails:
            self.fails = False
            raise Unavailable("not now")
        self.said.append((what, number, said))


async def test_a_try_that_failed_in_here_is_made_again_and_only_one_set_is_open(tmp_path: Path) -> None:
    """A database that cannot be reached is said to be, and opened later; then every step, with its codes."""
    steps = Noted()
    away = Workflows("postgresql://nobody@127.0.0.1:9/none", tmp_path, steps)
    with pytest.raises(Unavailable):
        await away.deliver("a", 0)
    await away.close()
    here, other = (Workflows("sqlite:///unused", tmp_path, steps) for _ in range(2))
    try:
        await here.deliver("a", 0)
        assert steps.said == [("a", "one"), ("a", "two")]  # and nothing could be noted
        await here.deliver("a", 0)
        assert steps.said[2:] == [("a", "one"), ("a", "two"), ("a", 0, {"one": "", "two": "not-reached"})]
        with pytest.raises(Fault):
            await other.deliver("b", 0)
        written = (tmp_path / "outbound.db").stat().st_mode & 0o777
        assert written == 0o600
        assert await here.sweep(0) == 0
    finally:
        await asyncio.gather(here.close(), other.close())


async def test_an_answer_is_made_by_a_workflow_of_its_own_for_each_time_it_is_taken(tmp_path: Path) -> None:
    """One that failed in here raises nothing; what was left under way by a process that died is forgotten,
    and not gone on with: nobody has what it would make."""
    made: list[tuple[str, int]] = []

    def make(what: str, number: int) -> str:
        made.append((what, number))
        if number == 2:
            raise Unavailable("not now")
        return "" if number == 1 else "refused"

    async with open_workflows("sqlite:///unused", tmp_path) as flows:
        flows.making = make
        for number in (1, 2, 3):
            await flows.make("job", number)
        assert made == [("job", 1), ("job", 2), ("job", 3)]
        later = now_ms() + 3_600_000
        assert await flows.sweep(later) == 0
    with closing(sqlite3.connect(tmp_path / "outbound.db")) as file, file:
        file.execute("UPDATE workflow_status SET status = 'PENDING' WHERE workflow_uuid LIKE 'job.1'")
        assert [one for (one,) in file.execute("SELECT DISTINCT name FROM workflow_status")] == ["make"]
    async with open_workflows("sqlite:///unused", tmp_path) as flows:
        flows.making = make
        await flows.make("other", 1)
        assert await flows.sweep(later) == 0
    with closing(sqlite3.connect(tmp_path / "outbound.db")) as file:
        left = file.execute("SELECT workflow_uuid FROM workflow_status ORDER BY 1").fetchall()
    assert "job.1" not in {one for (one,) in left}
    assert made[3:] == [("other", 1)]
