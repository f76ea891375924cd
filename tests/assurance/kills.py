"""``python -m tests.assurance.kills``: a deployment is killed a thousand times, and nothing is lost or twice.

It is killed at each place that ``scr.faults`` names, at lines of the package that are drawn, and at moments
that are drawn; started again over the same database and folders, while what sends to it goes on sending.
Every so many lives, one that nobody kills settles what is left: then everything that was acknowledged is
looked for, and what stands twice, and the audit of every answer that came. ``--seed`` draws the same again.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog
from tests.support.crashing import Blow, House, deliver_all, ended, forked, live, make_house, rotate
from tests.support.databases import postgresql_databases, sqlite_databases
from tests.support.reckoning import wrongs
from tests.support.sending import GONE, Sender
from tests.support.serving import served_house, serving

from scr.faults import POINTS

_LIVES, _RECKON = 45, 15
"""Kills in one house, and after how many of them it is asked for everything."""
_OFTEN = {"store.running": 30, "store.committed": 30, "audit.appended": 10}
"""At which passing of a place at most; three at the others."""
_SELDOM = 3
_DRAWN = 10
"""Kills at a line, and as many at a moment, to each round of the places."""
_LONG = 20.0
_KEYS = "keys."
_WITHOUT = ("intake.", "mllp.", "folder.", "mesh.", "outbound.")
"""Places that are reached in a process that serves no HTTP."""


@dataclass(slots=True)
class Tally:
    """What was done, by the kind of blow, and what was wrong."""

    struck: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    lines: int = 30_000
    """Lines of a life, as far as is known: a blow at a line after them does not strike."""

    def note(self, blow: Blow, *, struck: bool) -> None:
        """Count a life."""
        (self.struck if struck else self.missed)[blow.kind] += 1
        if blow.line and not struck:
            self.lines = max(self.lines * 3 // 4, 1_000)

    def report(self) -> str:
        """One line a kind, and the sum."""
        kinds = sorted({*self.struck, *self.missed})
        lines = [
            f"{kind:24} {self.struck[kind]:5} killed {self.missed[kind]:5} not reached" for kind in kinds
        ]
        acknowledged = ", ".join(f"{way} {count}" for way, count in sorted(self.acknowledged.items()))
        return "\n".join(
            [
                *self.wrong[:20],
                *lines,
                f"acknowledged or answered: {acknowledged}",
                f"{self.struck.total()} kills, {len(self.wrong)} lost, doubled or untold",
            ]
        )


def main() -> int:
    """Kill so often; the exit code is 1 where anything was lost, doubled or not in the audit."""
    parser = argparse.ArgumentParser(prog="python -m tests.assurance.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--served", type=int, default=20, help="so many more of them of `scr serve` itself")
    parser.add_argument(
        "--points",
        nargs="*",
        default=[],
        help="at these places alone (`NAME`, or `NAME:3` for the third passing)",
    )
    parser.add_argument("--seed", default=secrets.token_hex(4), help="that of another run draws the same")
    read = parser.parse_args()
    sys.stdout.write(f"seed {read.seed}\n")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the servers that were begun are ended
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    draw, tally = random.Random(read.seed), Tally()
    try:
        _kill(read, draw, tally)
    finally:
        sys.stdout.write(f"{tally.report()}\n")
    return 1 if tally.wrong else 0


def _kill(read: argparse.Namespace, draw: random.Random, tally: Tally) -> None:
    engines = ("sqlite", "postgresql") if read.database == "both" else (read.database,)
    with tempfile.TemporaryDirectory() as folder:
        for engine in engines:
            blows = _blows(draw, tally, read.points)
            share = -(-read.kills // len(engines))
            with _DATABASES[engine]() as databases:
                while share > 0 and not tally.wrong:
                    home = Path(folder) / f"{engine}-{share}"
                    house = make_house(home, databases(home))
                    share -= in_house(house, draw, tally, blows, min(share, _LIVES), live)
        if read.served and not tally.wrong:
            with served_house(Path(folder) / "served") as house:
                in_house(house, draw, tally, _blows(draw, tally, [], drawn=False), read.served, serving)


_DATABASES: dict[str, Callable[[], AbstractContextManager[Callable[[Path], str]]]] = {
    "sqlite": contextmanager(sqlite_databases),
    "postgresql": contextmanager(postgresql_databases),
}
Live = Callable[[House, Blow], object]


def in_house(
    house: House, draw: random.Random, tally: Tally, blows: Iterator[Blow], kills: int, live: Live
) -> int:
    """Kill the deployment of a house so often, reckoning now and then; how often it was killed."""
    sender, done = Sender(house, draw), 0
    while done < kills and not tally.wrong:
        before = done
        for _ in range(_RECKON):
            blow = next(blows)
            if blow.point.startswith(_KEYS):
                struck = ended(forked(partial(rotate, house, blow))) == -signal.SIGKILL
            else:
                struck = one_life(house, sender, live, blow)
            tally.note(blow, struck=struck)
            done += struck
            if done >= kills:
                break
        one_life(house, sender, live, Blow(http=bool(sender.waiting["http"] or sender.later)), settle=True)
        if ended(forked(partial(deliver_all, house))) != 0:
            raise AssertionError("what goes out could not be sent")
        tally.wrong += [f"{house.home.name}, after {before}: {one}" for one in wrongs(house, sender)]
    tally.acknowledged += Counter(way for way, _, _ in sender.acknowledged)
    tally.acknowledged += Counter({"answers": len(sender.answered), "contributions": len(sender.added)})
    tally.acknowledged += Counter({"answers for later": len(sender.fetched)})
    return max(done, 1)


def one_life(house: House, sender: Sender, live: Live, blow: Blow, *, settle: bool = False) -> bool:
    """A life of the deployment under what is sent to it; whether it was killed before all was done.

    Of `scr serve` the process that serves may be killed alone, and the one that keeps it lives on.
    """
    process, asks, keeper = forked(partial(live, house, blow)), blow.http, live is serving
    hung_up = gone = False
    try:
        sender.until_up(partial(_runs, process), asks=asks)
        if settle:
            sender.settle(asks=asks)
        else:
            sender.live(asks=asks)
            sender.linger(partial(_runs, process))
    except GONE:
        hung_up, gone = True, _has_died(process)
        if settle or not (gone or keeper):
            raise
    finally:
        if not gone:
            os.killpg(process, signal.SIGKILL)
        code = ended(process)
    if code != -signal.SIGKILL:
        raise AssertionError(f"a life ended by itself, with {code}")
    return hung_up


def _has_died(process: int) -> bool:
    """Whether a child that hung up has died; one that lives on has hung up for nothing."""
    until = time.monotonic() + _LONG
    while _runs(process) and time.monotonic() < until:
        time.sleep(0.02)
    return not _runs(process)


def _runs(process: int) -> bool:
    """Whether a child runs, and is not only waited for."""
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _blows(draw: random.Random, tally: Tally, points: list[str], *, drawn: bool = True) -> Iterator[Blow]:
    """Every place, in an order that is drawn, and lines and moments between them; again and again."""
    while True:
        round_: list[Callable[[], Blow]] = [partial(_at, draw, point) for point in points or POINTS]
        if not points and drawn:
            round_ += [partial(_line, draw, tally)] * _DRAWN
        if not points:
            round_ += [partial(_moment, draw)] * _DRAWN
        draw.shuffle(round_)
        yield from (make() for make in round_)


def _at(draw: random.Random, point: str) -> Blow:
    sends = point.startswith("outbound.")
    if ":" not in point:
        seldom = 1 if point.startswith("job.") else 2 if sends else _SELDOM
        point = f"{point}:{draw.randint(1, _OFTEN.get(point, seldom))}"
    return Blow(point=point, http=not point.startswith(_WITHOUT), sends=sends)


def _line(draw: random.Random, tally: Tally) -> Blow:
    return Blow(line=draw.randint(1, tally.lines), http=draw.random() < 0.3, sends=draw.random() < 0.3)


def _moment(draw: random.Random) -> Blow:
    return Blow(seconds=draw.uniform(0.005, 0.8), http=draw.random() < 0.3, sends=draw.random() < 0.3)


if __name__ == "__main__":
    sys.exit(main())
