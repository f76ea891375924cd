"""``python -m tests.assurance.mutation``: is every small mistake in these modules noticed?

Each mutant of each function of ``scr.consent`` and ``scr.api.auth`` is tried (``mutants``, ``trials``). Those
that no test notices are printed, and too many of them fail the run. Some are no mistakes: a shortcut that is
left out, a fact that another rule asks for as well.
"""

from __future__ import annotations

import argparse
import ast
import pickle
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.assurance.mutants import mutants_of
from tests.assurance.trials import Tried, apart, measure, survive

_SOURCES = Path(__file__).parents[2] / "src" / "scr"
_PARTS = ("consent", "api/auth")
_TESTS = (
    "tests/unit/consent",
    "tests/spec/test_consents.py",
    "tests/spec/test_decision_scenarios.py",
    "tests/spec/test_decisions.py",
    "tests/spec/test_labels.py",
    "tests/assurance/test_decisions.py",
    "tests/unit/api/test_auth.py",
    "tests/unit/api/test_auth_edges.py",
    "tests/unit/api/test_auth_keys.py",
    "tests/unit/api/test_auth_people.py",
    "tests/unit/api/test_introspection.py",
    "tests/unit/cli/test_consent.py",
    "tests/unit/cli/test_policy_diff.py",
    "tests/unit/intake/test_lifting.py",
    "tests/unit/sources/test_lifting.py",
)
_LEAST = 95.0
"""Mutants of a hundred that have to be noticed, of each part."""


def main() -> int:
    """Try the mutants of each module; the exit code is 1 where too many of a part survive."""
    parser = argparse.ArgumentParser(prog="python -m tests.assurance.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="such as consent/rules/entry; all where none is named")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, help="with 3, try every third mutant only")
    read = parser.parse_args()
    tried = [
        Tried(path, number, mutant)
        for part in _PARTS
        for path in sorted((_SOURCES / part).rglob("*.py"))
        if not read.modules or str(path.relative_to(_SOURCES).with_suffix("")) in read.modules
        for number, mutant in enumerate(mutants_of(ast.parse(path.read_text(encoding="utf-8"))))
        if number % read.every == 0
    ]
    sys.stdout.write(
        f"{len(tried)} small mistakes, each alone: does a test fail? First the tests as they are.\n"
    )
    with tempfile.TemporaryDirectory() as home:
        kept = Path(home, "kept")
        if apart(partial(measure, [_SOURCES / part for part in _PARTS], _TESTS, kept)) != 0:
            raise SystemExit("the tests have to pass before a mutant is tried")
        tests = pickle.loads(kept.read_bytes())
        if apart(partial(survive, tests, _TESTS, tried, read.processes, kept)) != 0:
            raise SystemExit("the mutants could not be tried")
        alive = [tried[place] for place in pickle.loads(kept.read_bytes())]
    for path in dict.fromkeys(each.path for each in tried):
        _report(path, tried, alive)
        for each in alive:
            if each.path == path:
                sys.stdout.write(f"  {each.mutant.what}\n")
    scores = [_report(_SOURCES / part, tried, alive) for part in _PARTS]
    return 0 if min(scores) >= _LEAST else 1


def _report(path: Path, tried: Sequence[Tried], alive: Sequence[Tried]) -> float:
    """Say of a file or a folder how many were noticed; of a hundred, that is."""
    of = sum(each.path.is_relative_to(path) for each in tried)
    survived = sum(each.path.is_relative_to(path) for each in alive)
    score = 100.0 - 100 * survived / max(1, of)
    sys.stdout.write(f"{path.relative_to(_SOURCES)}: {of - survived} of {of} noticed, {score:.1f} %\n")
    return score


if __name__ == "__main__":
    sys.exit(main())
