"""The tests that failed in the last run, one a line; more than the most that were allowed is an error."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

LAST = Path(".pytest_cache/v/cache/lastfailed")


def failed(last: Path = LAST) -> list[str]:
    """Their ids; none where nothing is kept of a run."""
    return sorted(json.loads(last.read_text("utf-8"))) if last.exists() else []


def main() -> None:
    """Print them; end with 1 where there are none (the run broke elsewhere), or more than ``--most``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--most", type=int, required=True)
    most, names = parser.parse_args().most, failed()
    sys.stdout.write("\n".join((*names, "")))
    if not 0 < len(names) <= most:
        sys.exit(f"{len(names)} tests failed: this is not one unsteady test")


if __name__ == "__main__":
    main()
