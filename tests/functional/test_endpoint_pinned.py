"""Whatever the person chooses between two pages, and the sources do: no page repeats, skips or reveals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.functional.deployment import Deployment, observation, running
from tests.functional.test_endpoint_consents import kept, withdraw
from tests.support import consents as c

COUNT = 7


@pytest.fixture(scope="module")
def home(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[asyncio.Runner, Deployment]]:
    """A deployment whose neighbour holds some observations of Ada, each of the one before it."""
    folder = tmp_path_factory.mktemp("pinned")
    (folder / "scr.db").write_bytes(sqlite_template.read_bytes())
    with asyncio.Runner() as runner:
        opened = running(folder / "home", f"sqlite:///{folder / 'scr.db'}")
        deployment = runner.run(opened.__aenter__())
        deployment.neighbour.resources = [
            observation(
                f"o{n}", "1", f"2025-01-{n + 1:02}", derivedFrom=[{"reference": f"Observation/o{n - 1}"}]
            )
            if n
            else observation("o0", "1", "2025-01-01")
            for n in range(COUNT)
        ]
        yield runner, deployment
        runner.run(opened.__aexit__(None, None, None))


@settings(max_examples=8)
@given(
    size=st.integers(1, 4),
    chosen=st.lists(st.sets(st.integers(0, COUNT - 1), max_size=4), min_size=COUNT, max_size=COUNT),
    included=st.booleans(),
)
def test_pages_while_the_person_chooses(
    home: tuple[asyncio.Runner, Deployment], size: int, chosen: list[set[int]], included: bool
) -> None:
    """Each page has what stood there when the search was made, without what is withheld at that moment and
    without a word of it; its total counts what may be seen now."""
    runner, deployment = home
    runner.run(_pages(deployment, size, chosen, included))


async def _pages(deployment: Deployment, size: int, chosen: list[set[int]], included: bool) -> None:
    subject = await deployment.subject()
    query = {"patient": subject, "_sort": "date", "code": "1"}
    whole = (await deployment.get("Observation", **query)).ids
    assert len(whole) == COUNT
    more = {"_include": "Observation:derived-from"} if included else {}
    said = await deployment.get("Observation", _count=str(size), **query, **more)
    seen, at = list(said.ids), size
    assert seen == whole[:size]
    for withheld in chosen:
        link = said.link("next")
        if link is None:
            break
        denied = {whole[one] for one in withheld}
        data = [c.thing(reference) for reference in sorted(denied)]
        made = await kept(deployment, c.consent({"type": "deny", "data": data}, subject)) if data else None
        deployment.neighbour.status = 503 if len(withheld) % 2 else 200
        try:
            said = await deployment.get(link)
        finally:
            deployment.neighbour.status = 200
            if made is not None:
                await withdraw(deployment, made)
        assert said.status == 200
        assert said.ids == [one for one in whole[at : at + size] if one not in denied]
        assert said.body["total"] == COUNT - len(denied)
        assert not any(reference.encode() in said.raw for reference in denied)
        seen += said.ids
        at += size
    assert len(set(seen)) == len(seen)
