"""Workflows over a database that is away, and over one that is there: one set of them in a process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scr.errors import Fault, Unavailable
from scr.sources.workflows import Workflows


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
