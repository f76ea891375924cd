"""``python -m bench``: measure what is promised, and print one table.

Ratios are of one run. Every figure is the best of several rounds, because whatever else runs on a machine
only ever takes away. ``--quick`` shows in some seconds that everything still runs; its figures mean little.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from rich.console import Console

from bench import beside, pages, people, reconciled, served, small, terminology
from bench.report import Line, remember, show


def main() -> None:
    """Measure, print, and remember."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that all of it runs")
    parser.add_argument("--only", choices=sorted(PARTS), action="append", help="this part alone")
    read = parser.parse_args()
    os.umask(0o077)
    lines: list[Line] = []
    console = Console(stderr=True)
    for name, part in PARTS.items():
        if not read.only or name in read.only:
            with console.status(f"{name} …"):
                lines += part(read.quick)
    show(lines)
    if not read.quick:
        remember(lines)


def _held(quick: bool) -> list[Line]:
    return served.held_record(seconds=0.5 if quick else 5, rounds=1 if quick else 3)


def _held_postgresql(quick: bool) -> list[Line]:
    with served.postgresql() as url:
        return served.held_record(
            seconds=0.5 if quick else 5, rounds=1 if quick else 2, database_url=url, engine="PostgreSQL"
        )


def _two_processes(quick: bool) -> list[Line]:
    with served.postgresql() as url:
        return beside.two_processes(url, seconds=0.5 if quick else 5, rounds=1 if quick else 3)


def _begun(quick: bool) -> list[Line]:
    return beside.begun(rounds=1 if quick else 5)


def _live(quick: bool) -> list[Line]:
    rounds = 2 if quick else 7
    return [
        *served.live_sources(
            served.STAGGERED, "the slowest after 400 ms, each other 50 ms sooner", rounds=rounds
        ),
        *([] if quick else served.live_sources(served.TOGETHER, "all after 400 ms", rounds=rounds)),
    ]


def _stream(quick: bool) -> list[Line]:
    return served.stream(rounds=2 if quick else 15)


def _pages(quick: bool) -> list[Line]:
    return pages.first_page(seconds=0.5 if quick else 5, rounds=1 if quick else 3)


def _adt(quick: bool) -> list[Line]:
    return served.adt(messages=80 if quick else 2400, rounds=1 if quick else 3)


def _adt_postgresql(quick: bool) -> list[Line]:
    with served.postgresql() as url:
        return served.adt(
            messages=80 if quick else 2400, rounds=1 if quick else 3, database_url=url, engine="PostgreSQL"
        )


def _people(quick: bool) -> list[Line]:
    return people.index_of(2_000 if quick else 1_000_000, rounds=1 if quick else 5)


def _people_postgresql(quick: bool) -> list[Line]:
    size, rounds = (2_000, 1) if quick else (1_000_000, 5)
    with served.postgresql() as url:
        return people.index_of(size, rounds, database_url=url, engine="PostgreSQL")


def _file(quick: bool) -> list[Line]:
    return served.long_file(rows=2_000 if quick else 100_000)


def _steps(quick: bool) -> list[Line]:
    rounds = 1 if quick else 7
    return [*small.steps(rounds), *reconciled.reconciling(rounds)]


def _terminology(quick: bool) -> list[Line]:
    concepts = terminology.QUICK_CONCEPTS if quick else terminology.CONCEPTS
    return terminology.release(concepts, rounds=5 if quick else 60)


PARTS: dict[str, Callable[[bool], list[Line]]] = {
    "held": _held,
    "held-postgresql": _held_postgresql,
    "two-processes": _two_processes,
    "begun": _begun,
    "live": _live,
    "stream": _stream,
    "pages": _pages,
    "adt": _adt,
    "adt-postgresql": _adt_postgresql,
    "people": _people,
    "people-postgresql": _people_postgresql,
    "file": _file,
    "steps": _steps,
    "terminology": _terminology,
}


if __name__ == "__main__":
    main()
