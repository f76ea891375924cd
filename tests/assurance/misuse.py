"""``python -m tests.assurance.misuse``: what the misuse rules find in made-up histories, and what in vain.

The exit code is 1 where less is found than is promised (docs/misuse.md), or more is raised in vain.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.support.misuse_history import DAY_MS, START, make_history
from tests.support.misuse_trial import Counted, count, fill, findings_of, table, write_looks

from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.identity.misuse.watch import MisuseWatch
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.migrations import migrate

PROMISED_PRECISION, PROMISED_RECALL = 0.6, 0.6


def main() -> int:
    """Make histories, judge them, and print a table of all together."""
    parser = argparse.ArgumentParser(prog="python -m tests.assurance.misuse", description=__doc__)
    parser.add_argument("--staff", type=int, default=300)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--misuses", type=int, default=30, help="of each kind")
    parser.add_argument("--histories", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1, help="of the first history, and so on")
    read = parser.parse_args()
    told = [
        asyncio.run(one_history(seed, read.staff, read.days, read.misuses))
        for seed in range(read.seed, read.seed + read.histories)
    ]
    together = [_added(lines) for lines in zip(*told, strict=True)]
    sys.stdout.write(table(together) + "\n")
    last = together[-1]
    return 0 if last.precision >= PROMISED_PRECISION and last.recall >= PROMISED_RECALL else 1


async def one_history(seed: int, staff: int, days: int, misuses: int) -> list[Counted]:
    """Make one, judge it, and count."""
    history = make_history(seed, staff=staff, days=days, misuses=misuses)
    now = round(START.timestamp() * 1000) + (days + 8) * DAY_MS
    keys = KeyRing(b"e" * 32, b"i" * 32)
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{Path(folder) / 'scr.db'}")
        migrate(database)
        await fill(database, keys, history, now)
        rows = await write_looks(database, history.seen)
        watch = MisuseWatch(database, keys, load_policy(DataFiles()), lambda: now)
        started = time.perf_counter()
        done = watch.run()
        taken = time.perf_counter() - started
        lines = count(history, findings_of(database, keys))
        database.close()
    sys.stdout.write(
        f"seed {seed}: {rows} rows of the audit, {done.visits} visits by {staff} staff in {days} days, "
        f"judged in {taken:.1f} s ({rows / taken:,.0f} rows a second)\n"
    )
    return lines


def _added(lines: tuple[Counted, ...]) -> Counted:
    numbers = zip(*((one.put_in, one.found, one.findings, one.right) for one in lines), strict=True)
    return Counted(lines[0].kind, *map(sum, numbers))


if __name__ == "__main__":
    sys.exit(main())
