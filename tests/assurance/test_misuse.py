"""What the misuse rules find in a small made-up history, and what in vain; the long form is a command."""

from __future__ import annotations

from pathlib import Path

from tests.assurance.misuse import is_as_promised, judged
from tests.support.misuse_history import KINDS
from tests.support.misuse_trial import Counted, table


async def test_a_small_history_is_judged_as_well_as_is_promised(tmp_path: Path) -> None:
    """Every kind is found at least once but that of the night, for which there are too few peers; most of
    what is raised is misuse."""
    found = await judged(tmp_path, seed=4, staff=32, days=12, misuses=5)
    assert is_as_promised(found.lines, recall=0.6), table(found.lines)
    missing = [one.kind for one in found.lines if one.kind in KINDS and not one.found]
    assert missing == ["night"]


def test_the_promise_can_be_broken() -> None:
    """Too much in vain, or too little found."""
    good = Counted("all", 100, 90, 100, 90)
    assert is_as_promised([good])
    assert not is_as_promised([Counted("all", 100, 60, 100, 90)])
    assert not is_as_promised([Counted("all", 100, 90, 200, 90)])
