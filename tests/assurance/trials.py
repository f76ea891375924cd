"""Trying mutants on the tests: which tests come by a line, and what they say when there is a mistake in it.

The tests are collected once. Each mutant is then tried in a process that is forked off: the functions of
its module are given the code of the mutant, and the tests that come by the mistake are run, the quickest
first, until one fails.
"""

from __future__ import annotations

import ast
import gc
import os
import pickle
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import _lru_cache_wrapper, partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import TypeVar

import coverage
import pytest
from _pytest.main import pytest_runtestloop
from hypothesis import Phase, settings
from tests.assurance.mutants import Mutant, mutants_of

_QUICK_SECONDS, _SLOW_SECONDS = 0.2, 1.5
_PATIENCE_SECONDS = 15.0
_NOT_TRIED = 70
_FEW, _STEP = 3, 50

T = TypeVar("T")


@dataclass(slots=True)
class Tests:
    """What each test takes in seconds, and which tests come by each line of a file."""

    __test__ = False

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)

    def of(self, path: Path, mutant: Mutant) -> list[str]:
        """Those that come by the mistake, quickest first. Where these are few (what is remembered is asked
        for once), then others that come by the file and are quick."""
        found = self.lines.get(str(path), {})
        near = {test for line in range(mutant.first, mutant.last + 1) for test in found.get(line, ()) if test}
        others = {test for tests in found.values() for test in tests if test} - near
        quick = {test for test in others if self.seconds[test] < _QUICK_SECONDS and len(near) <= _FEW}
        return [*sorted(near, key=self._order), *sorted(quick, key=self._order)]

    def slow(self, test: str) -> bool:
        """Whether a test takes so long that it is asked last."""
        return self.seconds[test] >= _SLOW_SECONDS

    def _order(self, test: str) -> tuple[float, str]:
        return self.seconds[test], test


@dataclass(frozen=True, slots=True)
class Tried:
    """A mutant of a file, by its number there."""

    path: Path
    number: int
    mutant: Mutant

    def code(self) -> CodeType:
        """The module with the mistake in it."""
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        mutants_of(tree)[self.number].make()
        return compile(tree, str(self.path), "exec")


Attempt = Callable[[Tried, Sequence[str]], int]
"""Tries a mutant on tests, in a process of its own: 0 where none of them fails."""


class _Plugin:
    """Hypothesis asks the same each time, and looks for no smaller example."""

    def pytest_collection(self) -> None:
        """Before a module of tests is imported."""
        phases = (Phase.explicit, Phase.generate)
        profile = settings(settings.get_profile("scr"), database=None, derandomize=True, phases=phases)
        settings.register_profile("mutation", profile)
        settings.load_profile("mutation")


class _Watch(_Plugin):
    """Notes where each test comes by, and how long it takes."""

    def __init__(self, seen: coverage.Coverage) -> None:
        self.seen = seen
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Around a test and its fixtures."""
        self.seen.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self.seen.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """After each part of a test."""
        self.seconds[report.nodeid] += report.duration


class _Trial(_Plugin):
    """Tries mutants instead of running the tests that were collected."""

    def __init__(self, tests: Tests, tried: Sequence[Tried], processes: int) -> None:
        self.tests, self.tried, self.processes = tests, tried, processes
        self.alive: list[Tried] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """The quick tests first, of every mutant; the slow ones of those that are left."""
        items = {item.nodeid: item for item in session.items}
        functions, cached = loaded(FunctionType), loaded(_lru_cache_wrapper)
        gc.freeze()  # what is there is not looked through any more: a process that is forked off shares it

        def attempt(slow: bool, each: Tried, tests: Sequence[str]) -> int:
            _put(each, functions)
            for one in cached:
                one.cache_clear()
            session.items = [items[test] for test in tests if self.tests.slow(test) is slow]
            try:
                pytest_runtestloop(session)
            except (session.Failed, session.Interrupted):
                return 1
            return int(session.testsfailed > 0)

        quick = self._survivors("quick tests", self.tried, partial(attempt, False))
        self.alive = self._survivors("slow tests", quick, partial(attempt, True))
        return True

    def _survivors(self, which: str, tried: Sequence[Tried], attempt: Attempt) -> list[Tried]:
        running: dict[int, Tried] = {}
        found: list[Tried] = []
        for number, each in enumerate(tried):
            if number % _STEP == 0:
                sys.stdout.write(f"{which}: {number} of {len(tried)} mutants tried, {len(found)} unnoticed\n")
            if len(running) >= self.processes:
                _wait(running, found)
            tests = self.tests.of(each.path, each.mutant)
            patience = _PATIENCE_SECONDS + 3 * sum(self.tests.seconds[test] for test in tests)
            running[_fork(partial(attempt, each, tests), patience)] = each
        while running:
            _wait(running, found)
        return found


def measure(folders: Sequence[Path], tests: Sequence[str], kept: Path) -> int:
    """Run the tests once and write down which come by what; the exit code of pytest."""
    seen = coverage.Coverage(data_file=None, source=[str(folder) for folder in folders])
    watch = _Watch(seen)
    seen.start()
    code = _pytest(tests, watch)
    seen.stop()
    data = seen.get_data()
    lines = {path: data.contexts_by_lineno(path) for path in data.measured_files()}
    kept.write_bytes(pickle.dumps(Tests(dict(watch.seconds), lines)))
    return code


def survive(tests: Tests, paths: Sequence[str], tried: Sequence[Tried], processes: int, kept: Path) -> int:
    """Try the mutants on the tests at these paths; write down at which places of ``tried`` some survive."""
    trial = _Trial(tests, tried, processes)
    code = _pytest(paths, trial)
    alive = {(each.path, each.number) for each in trial.alive}
    kept.write_bytes(pickle.dumps([n for n, each in enumerate(tried) if (each.path, each.number) in alive]))
    return code


def loaded(kind: type[T]) -> list[T]:
    """Everything of a kind, with what the collector has been told to pass over."""
    gc.unfreeze()
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, kind)]


def apart(work: Callable[[], int]) -> int:
    """Do something in a process of its own, which imports what it likes; its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(_fork(work, None), 0)[1])


def _pytest(paths: Sequence[str], plugin: object) -> int:
    return int(pytest.main(["-x", "-s", "-p", "no:cacheprovider", "--assert=plain", *paths], [plugin]))


def _put(each: Tried, functions: Iterable[FunctionType]) -> None:
    """Give the functions of a module the code of a mutant."""
    made: dict[tuple[str, int], CodeType] = {}
    codes = [each.code()]
    while codes:
        inner = [code for code in codes.pop().co_consts if isinstance(code, CodeType)]
        made.update({(code.co_qualname, code.co_firstlineno): code for code in inner})
        codes += inner
    for function in functions:
        was = function.__code__
        if was.co_filename == str(each.path) and (was.co_qualname, was.co_firstlineno) in made:
            function.__code__ = made[was.co_qualname, was.co_firstlineno]


def _fork(work: Callable[[], int], seconds: float | None) -> int:
    """Start a process, which says nothing and is ended after some seconds, where these are given; its id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = _NOT_TRIED
    try:
        if seconds is not None:
            signal.alarm(int(seconds) + 1)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        code = work()
    finally:
        os._exit(code)


def _wait(running: dict[int, Tried], found: list[Tried]) -> None:
    """Wait for the next to end; a mutant that hangs has been noticed."""
    child, status = os.wait()
    each, code = running.pop(child), os.waitstatus_to_exitcode(status)
    if code == _NOT_TRIED:
        raise RuntimeError(f"could not be tried: {each.path}, {each.mutant.what}")
    if code == 0:
        found.append(each)
