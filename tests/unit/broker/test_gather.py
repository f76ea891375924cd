"""All sources asked at once, under one deadline."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import leaping
from tests.unit.broker.sources import Acting, question, result

from scr.broker.gather import gather
from scr.sources.protocol import Outcome, SourceResult

HANGS = 3600.0
pytestmark = pytest.mark.leaping


async def test_nobody_to_ask_is_no_answer() -> None:
    """Without sources there is nothing to wait for."""
    assert await gather(question(HANGS), []) == ()


async def test_results_come_in_the_order_of_the_sources() -> None:
    """Whoever answers first, the results stand as the sources were given; each is heard of as it comes."""
    heard: list[str] = []
    sources = [Acting(result("AAA"), 0.06), Acting(result("BBB"), 0.0), Acting(result("CCC"), 0.03)]
    results = await gather(question(), sources, lambda r: heard.append(r.source.value))
    assert [r.source.value for r in results] == ["AAA", "BBB", "CCC"]
    assert heard == ["BBB", "CCC", "AAA"]


async def test_all_are_asked_at_once() -> None:
    """Many slow sources take as long as one."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    await gather(question(), [Acting(result(f"A{i:02}"), 0.1) for i in range(20)])
    assert loop.time() - started == pytest.approx(0.1)


@pytest.mark.parametrize("clings", [0.0, 0.05, 0.5])
async def test_the_deadline_holds_whatever_a_source_does(clings: float) -> None:
    """One that hangs is late, also where it takes a moment or longer to let go; the others' answers stand."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    sources = [Acting(result("AAA"), HANGS, clings), Acting(result("BBB")), Acting(result("CCC"), HANGS)]
    heard: list[SourceResult] = []
    results = await gather(question(0.15), sources, heard.append)
    assert loop.time() - started == pytest.approx(0.15 + min(clings, 0.1))
    assert [r.outcome for r in results] == [Outcome.LATE, Outcome.ANSWERED, Outcome.LATE]
    assert [r.code for r in results] == ["deadline", "", "deadline"]
    assert [r.elapsed for r in results] == pytest.approx([0.15, 0.0, 0.15])
    assert sorted(heard, key=lambda r: r.source) == list(results)
    await asyncio.sleep(clings)


async def test_an_answer_after_the_deadline_is_late_and_not_used() -> None:
    """What comes too late is not mixed in, whatever it says."""
    results = await gather(question(0.05), [Acting(result("AAA"), 0.2)])
    assert [(r.outcome, r.entries) for r in results] == [(Outcome.LATE, ())]


async def test_what_came_in_time_counts_however_late_it_is_read() -> None:
    """A process that is busy when the time ends: who is done a moment later is heard, who hangs is late."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, leaping.LeapingLoop)
    loop.call_later(1.9, loop.busy, 0.5)
    asked = question(2.0)
    slow = [Acting(result("AAA"), 2.44), Acting(result("BBB"), HANGS), Acting(result("CCC"), 2.45)]
    found = [r.outcome for r in await gather(asked, slow)]
    assert found == [Outcome.ANSWERED, Outcome.LATE, Outcome.ANSWERED]
    assert loop.time() == pytest.approx(asked.deadline + 0.5)


async def test_where_no_time_is_left_nobody_is_waited_for() -> None:
    """A question whose deadline is over comes back at once, every source late."""
    results = await gather(question(-1), [Acting(result("AAA"), HANGS), Acting(result("BBB"), HANGS)])
    assert [r.outcome for r in results] == [Outcome.LATE, Outcome.LATE]


async def test_nothing_is_left_running() -> None:
    """After the answer, and after a question that was given up, no task of a source remains."""
    before = asyncio.all_tasks()
    await gather(question(0.05), [Acting(result("AAA"), HANGS), Acting(result("BBB"), HANGS, 0.02)])
    assert asyncio.all_tasks() == before
    asking = asyncio.create_task(gather(question(), [Acting(result("AAA"), HANGS)]))
    await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert asyncio.all_tasks() == before


@settings(max_examples=25, deadline=None)
@given(behaviours=st.lists(st.sampled_from([*Outcome, "hangs", "clings"]), max_size=8))
def test_any_subset_of_failing_sources_is_told_by_name(behaviours: list[str]) -> None:
    """However many fail, and how, there is one result for each source, with its own outcome or late."""
    late = {"hangs", "clings"}
    sources = [
        Acting(result(f"A{i:02}"), HANGS, 0.02 if behaviour == "clings" else 0)
        if behaviour in late
        else Acting(result(f"A{i:02}", Outcome(behaviour)))
        for i, behaviour in enumerate(behaviours)
    ]
    heard: list[SourceResult] = []

    async def ask() -> tuple[SourceResult, ...]:
        return await gather(question(0.03), sources, heard.append)

    results = leaping.run(ask())
    assert [(r.source, r.name) for r in results] == [(s.ods, s.name) for s in sources]
    assert [r.outcome for r in results] == [
        Outcome.LATE if behaviour in late else Outcome(behaviour) for behaviour in behaviours
    ]
    assert sorted(heard, key=lambda r: r.source) == list(results)
