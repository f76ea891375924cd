"""Spans: parts in parts, also in tasks; nothing where nobody traces; told to a source that is to be told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.unit.sources.test_fhir_rest import BASE, EVERYTHING, FOUND, There, ask, searchset

from scr.spans import Value, first, span, traced, traceparent, within


@dataclass
class Kept:
    """A span that is written down, with those in it. ``ended``: whether it failed."""

    name: str = "first"
    said: dict[str, Value] = field(default_factory=dict)
    inner: list[Kept] = field(default_factory=list)
    ended: bool | None = None

    def within(self, name: str, said: dict[str, Value]) -> Kept:
        """One within it."""
        self.inner.append(Kept(name, said))
        return self.inner[-1]

    def say(self, name: str, value: Value) -> None:
        """Something of it."""
        self.said[name] = value

    def end(self, *, failed: bool) -> None:
        """Its end."""
        self.ended = failed

    @property
    def traceparent(self) -> str:
        """Its name."""
        return f"00-{self.name}"


@within("work")
async def work(fails: bool) -> str:
    """Something that takes a while."""
    with span("inner", at=1) as told:
        await asyncio.sleep(0)
        told.say(done=True)
        if fails:
            raise ValueError
    return traceparent()


@within("sum")
def add(one: int, other: int = 1) -> int:
    """Something quick."""
    return one + other


async def test_parts_stand_in_parts() -> None:
    """Also those of tasks that begin within them, each beside the other; a failure ends them all, and nothing
    of it is told."""
    kept = Kept()
    with first(kept):
        told = await asyncio.gather(work(False), work(False))
        assert add(1, other=2) == 3
        with pytest.raises(ValueError, match=r"\A\Z"):
            await work(True)
        assert traced(True) == {"traceparent": "00-first"}
        assert traced(False) == {}
    assert list(told) == ["00-work", "00-work"]
    assert [one.name for one in kept.inner] == ["work", "work", "sum", "work"]
    assert [[two.name for two in one.inner] for one in kept.inner] == [["inner"], ["inner"], [], ["inner"]]
    assert [one.ended for one in kept.inner] == [False, False, False, True]
    assert kept.inner[0].inner[0].said == {"at": 1, "done": True}
    assert kept.ended is False
    assert traceparent() == ""


async def test_where_nobody_traces_it_is_one_and_the_same_nothing() -> None:
    """And what is done is done as it would be without."""
    assert span("a", of=1) is span("b")
    with span("a") as nothing:
        nothing.say(what="x")
    assert await work(False) == ""
    assert add(1) == 2
    assert traced(True) == {}


@pytest.mark.parametrize("told", [True, False])
async def test_a_source_is_told_where_its_file_says_so(tmp_path: Path, told: bool) -> None:
    """In every call, of the span of asking it, which says how that ended."""
    there, kept = There({f"{BASE}/Patient/_search": FOUND, EVERYTHING: searchset()}), Kept()
    with first(kept):
        result = await ask(tmp_path, there, traced=told)
    [source] = kept.inner
    assert source.said == {"source": source.said["source"], "outcome": result.outcome.value, "code": ""}
    assert {one.headers.get("traceparent") for one in there.asked} == {"00-source" if told else None}
