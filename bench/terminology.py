"""A generated SNOMED CT release of a million descriptions: loading it, and asking it in this process."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.rf2 import Shape, write_release

from bench import operations
from bench.report import Line, below
from bench.served import folder
from scr.terminology.release.current import current_path, folder_of
from scr.terminology.release.reader import Release
from scr.terminology.systems import ICD_10, SNOMED_CT

CONCEPTS, QUICK_CONCEPTS = 350_000, 2_000
ASKED = 500
"""Few enough that a round fits between two turns of whatever else runs on the machine."""
TYPED = ("asth", "asth chi", "fibr ba", "a", "pulmonary st", "asthma finding")
"""What is typed; of these the slowest is told."""


def release(concepts: int, rounds: int) -> list[Line]:
    """Generate, load in a process of its own, and ask."""
    with folder() as home:
        given = write_release(home / "given", Shape(concepts, members=concepts // 20))
        lines = _loaded(home, given, concepts)
        path = current_path(folder_of(home))
        if path is None:
            raise RuntimeError("nothing was loaded")
        found = Release(path)
        lines += _asked(found, rounds)
        lines += operations.asked(found, rounds)
        found.close()
    return lines


def _loaded(home: Path, given: Path, concepts: int) -> list[Line]:
    command = [sys.executable, "-m", "scr", "--home", str(home), "terminology", "load", str(given)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, state, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(state)
    if process.returncode:
        raise RuntimeError("the release was refused")
    what = f"Load a release of {3 * concepts:,} descriptions"
    return [
        below(what, seconds, 180, "s", inclusive=True),
        Line(f"{what}: time of a processor", f"{used.ru_utime + used.ru_stime:.0f} s"),
        below(f"{what}: memory at most", used.ru_maxrss / 1024, 1024, "MB", inclusive=True),
    ]


def _asked(found: Release, rounds: int) -> list[Line]:
    connection = found.connection()
    codes = [row[0] for row in connection.execute("SELECT code FROM concept ORDER BY code")]
    rolled = random.Random(1)
    some = [rolled.choice(codes) for _ in range(ASKED)]
    pairs = [(rolled.choice(codes), code) for code in some]
    related = [(next(iter(sorted(found.parents(SNOMED_CT, code))), code), code) for code in some]
    mapped = [
        code
        for (code,) in connection.execute("SELECT DISTINCT source FROM mapping LIMIT ?", (ASKED,)).fetchall()
    ]

    def subsumes(pair: tuple[str, str]) -> bool:
        return found.subsumes(SNOMED_CT, *pair)

    return [
        _each("Look a concept up", some, lambda code: found.concept(SNOMED_CT, code), rounds, 20),
        _each(
            "Translate to ICD-10", mapped, lambda code: found.translate(SNOMED_CT, code, ICD_10), rounds, 20
        ),
        _each("Ask whether one subsumes another (any two)", pairs, subsumes, rounds, 5),
        _each("Ask whether one subsumes another (that does)", related, subsumes, rounds, 5),
        _typed(found, rounds),
    ]


def _each(what: str, asked: Sequence[str] | Sequence[tuple[str, str]], ask: Callable[..., object],
          rounds: int, most_us: float) -> Line:  # fmt: skip
    best = min(_seconds(lambda: [ask(one) for one in asked]) for _ in range(rounds + 1))
    return below(what, best / len(asked) * 1e6, most_us, "µs", inclusive=True)


def _typed(found: Release, rounds: int) -> Line:
    worst = max(min(_typing(found, text) for _ in range(rounds + 1)) for text in TYPED)
    return below("Typing search, the slowest of six", worst * 1000, 10, "ms", inclusive=True)


def _typing(found: Release, text: str) -> float:
    return _seconds(lambda: found.search(SNOMED_CT, text))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
