"""``python -m tests.assurance.misuse``: what the misuse rules find in made-up histories, and what in vain.

The exit code is 1 where less is found than is promised (docs/misuse.md), or more is raised in vain.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.misuse_history import DAY_MS, START, make_history
from tests.support.misuse_trial import Counted, count, fill, findings_of, table, write_looks

from scr.consent.policy import load_policy
from scr.data import DataFiles
from scr.identity.misuse.watch import Done, MisuseWatch
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.migrations import migrate

PROMISED_PRECISION, PROMISED_RECALL = 0.8, 0.7
"""Of all findings and of all cases together."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A history that was judged: rows of the audit, what was done, how long it took, and what was found."""

    rows: int
    done: Done
    seconds: float
    lines: list[Counted]


def main() -> int:
    """Make histories, judge them, and print a table of all together."""
    parser = argparse.ArgumentParser(prog="python -m tests.assurance.misuse", description=__doc__)
    parser.add_argument("--staff", type=int, default=300)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--misuses", type=int, default=30, help="of each kind")
    parser.add_argument("--histories", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1, help="of the first history, and so on")
    read = parser.parse_args()
    told = []
    for seed in range(read.seed, read.seed + read.histories):
        with tempfile.TemporaryDirectory() as folder:
            one = asyncio.run(judged(Path(folder), seed, read.staff, read.days, read.misuses))
        sys.stdout.write(
            f"seed {seed}: {one.rows} rows of the audit, {one.done.visits} visits by {read.staff} staff in "
            f"{read.days} days, judged in {one.seconds:.1f} s of computing "
            f"({one.rows / one.seconds:,.0f} rows a second)\n"
        )
        told.append(one.lines)
    together = [_added(lines) for lines in zip(*told, strict=True)]
    sys.stdout.write(table(together) + "\n")
    return 0 if is_as_promised(together) else 1


async def judged(folder: Path, seed: int, staff: int, days: int, misuses: int) -> Judged:
    """Make a history in a folder, judge it by the packaged rules, and count."""
    history = make_history(seed, staff=staff, days=days, misuses=misuses)
    now = round(START.timestamp() * 1000) + (days + 8) * DAY_MS
    keys = KeyRing(b"e" * 32, b"i" * 32)
    database = Database.open(f"sqlite:///{folder / 'scr.db'}")
    try:
        migrate(database)
        await fill(database, keys, history, now)
        rows = await write_looks(database, history.seen)
        watch = MisuseWatch(database, keys, load_policy(DataFiles()), lambda: now)
        started = time.process_time()
        done = watch.run()
        taken = time.process_time() - started
        return Judged(rows, done, taken, count(history, findings_of(database, keys)))
    finally:
        database.close()


def is_as_promised(lines: list[Counted], recall: float = PROMISED_RECALL) -> bool:
    """Whether the last line, of all together, is as good as is promised."""
    return lines[-1].precision >= PROMISED_PRECISION and lines[-1].recall >= recall


def _added(lines: tuple[Counted, ...]) -> Counted:
    numbers = zip(*((one.put_in, one.found, one.findings, one.right) for one in lines), strict=True)
    return Counted(lines[0].kind, *map(sum, numbers))


if __name__ == "__main__":
    sys.exit(main())
