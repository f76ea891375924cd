"""``python -m tests.assurance.worlds``: the long run of questions to two worlds, of which one withholds.

The first difference ends it, with the request that was answered differently.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import structlog
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.functional.asking import Worlds, holds_for, opened_worlds, requests

from scr.store.engine import Database
from scr.store.migrations import migrate

_CHUNK = 2_000
_ERROR = 40


def main() -> int:
    """Ask as many requests as are wanted, pages of answers counted; a difference raises AssertionError."""
    parser = argparse.ArgumentParser(prog="python -m tests.assurance.worlds", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", default="worlds", help="another one asks other questions")
    read = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_ERROR))
    asked = number = 0
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.db"
        database = Database.open(f"sqlite:///{template}")
        migrate(database)
        database.close()
        with opened_worlds(Path(folder), template) as worlds:
            while asked < read.requests:
                asked += chunk(worlds, f"{read.seed}/{number}", min(_CHUNK, read.requests))
                number += 1
                sys.stdout.write(f"{asked} requests to both worlds, no difference\n")
    return 0


def chunk(worlds: Worlds, name: str, examples: int) -> int:
    """One part of the work: how many requests were asked."""
    asked = 0

    @seed(name)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        nonlocal asked
        asked += holds_for(worlds, data.draw(requests(worlds)))

    ask()
    return asked


if __name__ == "__main__":
    sys.exit(main())
