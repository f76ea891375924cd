"""``python -m tests.assurance``: the long run. Any difference is printed with its seed, and fails it.

Each run asks other questions; ``--seed`` with the seed of another run asks the same again.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.assurance.decisions import differences
from tests.assurance.tuples import richer, shipped

from scr.consent.policy import load_policy

_CHUNK = 10_000


def main() -> int:
    """Ask as many tuples as are wanted of each of two policies; the exit code is 1 for a difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.assurance", description=__doc__)
    parser.add_argument("--tuples", type=int, default=1_000_000, help="how many, over both policies")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="that of another run asks the same")
    parser.add_argument("--processes", type=int, default=2)
    read = parser.parse_args()
    sys.stdout.write(f"seed {read.seed}\n")
    chunks = [f"{read.seed}/{number}" for number in range(max(1, read.tuples // (2 * _CHUNK)))]
    wrong: list[str] = []
    codes: Counter[str] = Counter()
    with ProcessPoolExecutor(read.processes) as pool:
        for which in ("shipped", "richer"):
            for found, told in pool.map(partial(chunk, which), chunks):
                wrong += found
                codes += told
    answers = ", ".join(f"{code} {count}" for code, count in codes.most_common())
    summary = f"{codes.total()} tuples, {len(wrong)} differences\n{answers}\n"
    sys.stdout.write("\n".join([*wrong[:20], summary]))
    return 1 if wrong else 0


def chunk(which: str, seed: str) -> tuple[list[str], Counter[str]]:
    """One part of the work: what differs, as text, and how often each answer was given."""
    with tempfile.TemporaryDirectory() as home:
        files, oracle = shipped() if which == "shipped" else richer(Path(home))
        found, codes = differences(load_policy(files), oracle, seed, _CHUNK)
    return [
        f"{which}, seed {seed!r}, number {number}: {ours} and not {theirs}"
        for number, _, ours, theirs in found
    ], codes


if __name__ == "__main__":
    sys.exit(main())
