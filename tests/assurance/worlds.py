"""``python -m tests.assurance.worlds``: the long run of questions to two worlds, of which one withholds.

Each process builds its own two worlds and asks a part of the questions, the last tenth of them while the
live source is down. The first difference ends it, with the seed and the number of the request that was
answered differently; ``--seed`` with that seed asks the same again.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import structlog
from tests.functional.asking import Worlds, opened_worlds

from scr.store.engine import Database
from scr.store.migrations import migrate

_CHUNK = 2_000
_ERROR = 40


def main() -> int:
    """Ask as many requests as are wanted, pages of answers counted; a difference raises AssertionError."""
    parser = argparse.ArgumentParser(prog="python -m tests.assurance.worlds", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument(
        "--seed", default=secrets.token_hex(4), help="that of another run asks the same again"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", help="where the worlds are kept meanwhile: best one in memory")
    read = parser.parse_args()
    sys.stdout.write(f"seed {read.seed}\n")
    sys.stdout.flush()
    each = -(-read.requests // read.processes)
    with ProcessPoolExecutor(read.processes) as pool:
        parts = [pool.submit(part, f"{read.seed}/{n}", each, read.folder) for n in range(read.processes)]
        asked = sum(one.result() for one in as_completed(parts))
    sys.stdout.write(f"{asked} requests to both worlds, no difference\n")
    return 0


def part(seed: str, requests: int, folder: str | None) -> int:
    """One process's part of the work: how many requests were asked."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_ERROR))
    with tempfile.TemporaryDirectory(dir=folder) as made:
        template = Path(made) / "template.db"
        database = Database.open(f"sqlite:///{template}")
        migrate(database)
        database.close()
        with opened_worlds(Path(made), template) as worlds:
            down = requests // 10
            asked = _asked(worlds, seed, range(requests - down))
            worlds.down(down=True)
            return asked + _asked(worlds, f"{seed}/down", range(down))


def _asked(worlds: Worlds, seed: str, numbers: range) -> int:
    asked = 0
    for some in _chunks(numbers):
        asked += worlds.hold(seed, some)
        sys.stdout.write(f"{seed}: {asked} requests to both worlds, no difference\n")
        sys.stdout.flush()
    return asked


def _chunks(numbers: range) -> Iterator[range]:
    for start in range(0, len(numbers), _CHUNK):
        yield numbers[start : start + _CHUNK]


if __name__ == "__main__":
    sys.exit(main())
