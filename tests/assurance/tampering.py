"""``python -m tests.assurance.tampering``: ten thousand changes of a sealed audit, each of them found."""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.support.tampering import KINDS, Change, is_found, new_key, seal_anew, sealed

from scr.store.engine import Database
from scr.store.migrations import migrate


def main() -> int:
    """Change it in so many ways; the exit code is 1 where one was not found."""
    parser = argparse.ArgumentParser(prog="python -m tests.assurance.tampering", description=__doc__)
    parser.add_argument("--changes", type=int, default=10_000)
    parser.add_argument("--seed", default=secrets.token_hex(4), help="that of another run asks the same")
    read = parser.parse_args()
    sys.stdout.write(f"seed {read.seed}\n")
    draw = random.Random(read.seed)
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        database = Database.open(f"sqlite:///{home / 'scr.db'}")
        migrate(database)
        made = sealed(database, home)
        kinds: tuple[Change, ...] = (*KINDS, partial(seal_anew, key=new_key(home)))
        for _ in range(read.changes):
            kind, number = draw.choice(kinds), draw.randrange(2**32)
            if is_found(made, kind, number).stands:
                missed.append(f"{kind}, number {number}")
        stands = database.read_now(made.check).stands
        database.close()
    sys.stdout.write("\n".join([*missed[:20], f"{read.changes} changes, {len(missed)} not found\n"]))
    return 1 if missed or not stands else 0


if __name__ == "__main__":
    sys.exit(main())
