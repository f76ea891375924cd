"""``python -m bench.hour``: what an hour is like, in some minutes.

Clinicians' systems ask for records, hospitals send. In the middle of it hospitals send all at once, one live
source dies and comes back, the configuration is read anew, and the encryption key is changed. Whoever asks
or sends goes on as they do: where no answer came, again. One table at the end says how quick it was, what
went wrong, whether every answer told of the source that was away, and whether all that was acknowledged is
there. The rates are fixed, so that a longer run is the same hour at more length.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.deployment import Deployment, Server, know, make_deployment, sending_feeds, serving
from bench.payloads import SUBJECTS, adt_messages
from bench.processes import peak_megabytes, process, tree, wait_for
from bench.report import Line, below, show
from bench.served import folder, free_port, postgresql
from scr.api.services import open_database
from scr.errors import Unavailable
from scr.intake.mllp_client import connect
from scr.settings import load
from scr.store.feeds import feed_states
from scr.store.messages import MessageState

QUESTIONS, MESSAGES, STORM = 20.0, 20.0, 4.0
"""Questions and messages a second; and how many times as many messages come while all send at once."""
ASKERS, SENDERS, SOURCES = 8, 6, 3
SOURCE_BYTES = 60_000
PATIENCE_SECONDS = 30.0

STORM_AT, DOWN_AT, RELOAD_AT, ROTATION_AT = (0.15, 0.3), (0.4, 0.6), 0.7, 0.8
"""When what happens, as parts of the whole."""


@dataclass
class Count:
    """What came of one kind of request: seconds that each took, how often it was asked again, what failed."""

    seconds: list[float] = field(default_factory=list)
    again: int = 0
    errors: list[str] = field(default_factory=list)

    def lines(self, name: str, elapsed: float) -> list[Line]:
        """The lines of the table."""
        taken = sorted(self.seconds) or [float("nan")]
        p50, p95, p99 = (taken[min(len(taken) * part // 100, len(taken) - 1)] * 1000 for part in (50, 95, 99))
        return [
            Line(f"{name}: answered", f"{len(self.seconds) / elapsed:.1f}/s, {len(self.seconds)} in all"),
            Line(f"{name}: p50, p95, p99", f"{p50:.0f} ms, {p95:.0f} ms, {p99:.0f} ms"),
            Line(f"{name}: asked again, where a connection had ended", f"{self.again}"),
            below(f"{name}: errors", len(self.errors), 0, "", inclusive=True),
        ]


@dataclass
class Hour:
    """The run: who asks whom, and what is known so far. ``away``: when the source was down, monotonic."""

    server: Server
    seconds: float
    began: float = field(default_factory=time.monotonic)
    questions: Count = field(default_factory=Count)
    messages: Count = field(default_factory=Count)
    away: tuple[float, float] = (float("inf"), float("inf"))
    silent: int = 0
    told: int = 0

    def passed(self) -> float:
        """How much of it has passed, 0 to 1."""
        return (time.monotonic() - self.began) / self.seconds

    async def until(self, part: float) -> None:
        """Wait for a part of it to pass."""
        await asyncio.sleep(max(0.0, self.began + part * self.seconds - time.monotonic()))

    async def beats(self, rate: Callable[[], float]) -> AsyncIterator[None]:
        """One after another, so many a second, until it is over; one that is late is not made up for."""
        following = time.monotonic()
        while self.passed() < 1:
            yield
            following = max(following + 1 / rate(), time.monotonic())
            await asyncio.sleep(following - time.monotonic())


async def ask(hour: Hour, client: httpx.AsyncClient, patients: Iterator[str]) -> None:
    """A system that opens one record after another."""
    headers = {"Authorization": hour.server.authorization}
    async for _ in hour.beats(lambda: QUESTIONS / ASKERS):
        url = f"{hour.server.base_url}/Patient/{next(patients)}/$everything"
        started = time.monotonic()
        for _ in range(5):
            try:
                answer = await client.get(url, headers=headers)
                break
            except httpx.TransportError:
                hour.questions.again += 1
        else:
            hour.questions.errors.append("no answer")
            continue
        _judge(hour, answer, started)


def _judge(hour: Hour, answer: httpx.Response, started: float) -> None:
    ended = time.monotonic()
    if answer.status_code != 200:
        hour.questions.errors.append(f"{answer.status_code}")
        return
    hour.questions.seconds.append(ended - started)
    if hour.away[0] <= started and ended < hour.away[1]:  # asked and answered while the source was away
        of_it = any(part.strip().startswith("ZZL00=") for part in answer.headers["x-scr-ledger"].split(";"))
        hour.told += of_it
        hour.silent += not of_it


async def send(hour: Hour, batch: list[bytes]) -> None:
    """A hospital that sends; a message without an acknowledgement is sent again."""
    left = iter(batch)
    message = next(left)
    beats = hour.beats(lambda: _rate(hour.passed()) / SENDERS)
    failed = 0
    while hour.passed() < 1 and failed < 50:
        try:
            async with connect("127.0.0.1", hour.server.mllp_port, timeout=PATIENCE_SECONDS) as exchange:
                async for _ in beats:
                    started = time.monotonic()
                    answer = await exchange(message)
                    if b"MSA|AA" in answer:
                        hour.messages.seconds.append(time.monotonic() - started)
                    else:
                        hour.messages.errors.append("not accepted")
                    message = next(left)
        except (OSError, Unavailable):
            hour.messages.again += 1
            failed += 1
            beats = hour.beats(lambda: _rate(hour.passed()) / SENDERS)


def _rate(passed: float) -> float:
    return MESSAGES * (STORM if STORM_AT[0] <= passed < STORM_AT[1] else 1)


async def happen(hour: Hour, deployment: Deployment, source: _Source) -> list[Line]:
    """What comes in between; the lines about it."""
    await hour.until(DOWN_AT[0])
    await asyncio.to_thread(source.end)
    hour.away = (time.monotonic(), float("inf"))
    await hour.until(DOWN_AT[1])
    hour.away = (hour.away[0], time.monotonic())
    await asyncio.to_thread(source.begin)
    await hour.until(RELOAD_AT)
    former = set(tree(hour.server.pid))
    os.kill(hour.server.pid, signal.SIGHUP)
    await hour.until(ROTATION_AT)
    started = time.monotonic()
    for verb in ("new", "rewrap"):
        arguments = [sys.executable, "-m", "scr", "--home", str(deployment.home), "keys", verb]
        done = await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.DEVNULL)
        if await done.wait():
            raise RuntimeError(f"`scr keys {verb}` failed")
    rotated = time.monotonic() - started
    await hour.until(1)
    anew = not former >= set(tree(hour.server.pid))
    return [
        Line("The configuration, at SIGHUP", "read anew" if anew else "as it was", "read anew", anew),
        Line("A new encryption key, and all data keys under it", f"{rotated:.1f} s"),
    ]


@dataclass
class _Source:
    """A live source in a process of its own."""

    port: int
    log: Path
    stack: ExitStack = field(default_factory=ExitStack)

    def begin(self) -> None:
        """Start, and wait until it answers."""
        asked = json.dumps({"ports": [self.port], "delays": [0.05], "bytes": SOURCE_BYTES})
        running = self.stack.enter_context(process(["-m", "bench.neighbours", asked], self.log))
        wait_for(f"http://127.0.0.1:{self.port}/health", running, self.log)

    def end(self) -> None:
        """End."""
        self.stack.close()


async def live(hour: Hour, deployment: Deployment, source: _Source) -> list[Line]:
    """All of it at once, to its end."""
    limits = httpx.Limits(max_connections=ASKERS)
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS, limits=limits) as client:
        people = itertools.cycle([hour.server.patient_id(number) for number in SUBJECTS])
        most = int(hour.seconds * MESSAGES * STORM) + SENDERS
        batches = await asyncio.to_thread(lambda: adt_messages(most, senders=SENDERS, seed=7))
        hour.began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(ASKERS):
                tasks.create_task(ask(hour, client, people))
            for batch in batches:
                tasks.create_task(send(hour, batch))
            happened = tasks.create_task(happen(hour, deployment, source))
    return happened.result()


def run(seconds: float, database_url: str = "") -> list[Line]:
    """The hour; the lines of its table."""
    with folder() as home, ExitStack() as stack:
        sources = [_Source(free_port(), home / f"source{number}.log") for number in range(SOURCES)]
        deployment = make_deployment(home / "home", sending_feeds() | _live(sources), database_url)
        asyncio.run(know(deployment))
        for source in sources:
            source.begin()
            stack.callback(source.end)
        with serving(deployment) as server:
            before = peak_megabytes(server.pid)[1]
            hour = Hour(server, seconds)
            happened = asyncio.run(live(hour, deployment, sources[0]))
            after = peak_megabytes(server.pid)[1]
        kept = _filed(deployment)
    lost = len(hour.messages.seconds) - kept
    return [
        *hour.questions.lines("Whole records, in part of three live sources", seconds),
        *hour.messages.lines("ADT messages", seconds),
        below("Answers silent about the source that was away", hour.silent, 0, "", inclusive=True),
        Line("Answers that told of it", f"{hour.told}", "some", hour.told > 0),
        below("Messages acknowledged and not there", max(lost, 0), 0, "", inclusive=True),
        *happened,
        Line("Memory of all processes, before and after", f"{before:.0f} MB, {after:.0f} MB"),
    ]


def _live(sources: list[_Source]) -> dict[str, list[dict[str, object]]]:
    return {
        f"ZZL{number:02}": [
            {
                "name": "record",
                "adapter": "fhir-r4-record",
                "connection": {"kind": "fhir-r4", "url": f"http://127.0.0.1:{source.port}/fhir"},
            }
        ]
        for number, source in enumerate(sources)
    }


def _filed(deployment: Deployment) -> int:
    """How many ADT messages are done with."""
    database = open_database(load({"home": deployment.home}).settings)
    try:
        found = database.read_now(feed_states)
    finally:
        database.close()
    done = (MessageState.FILED, MessageState.QUARANTINED)
    return sum(one.counts.get(state, 0) for one in found if one.feed == "adt" for state in done)


@contextmanager
def _database(engine: str) -> Iterator[str]:
    with postgresql() if engine == "postgresql" else nullcontext("") as url:
        yield url


def main() -> None:
    """Live through it, print the table; exit code 1 where something that must hold did not."""
    parser = argparse.ArgumentParser(prog="python -m bench.hour", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    read = parser.parse_args()
    os.umask(0o077)
    with _database(read.database) as url:
        lines = run(read.minutes * 60, url)
    show(lines)
    sys.exit(any(line.held is False for line in lines))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
