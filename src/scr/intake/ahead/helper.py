"""The process that maps beside this one: started for a long file, asked, and ended with it.

Whatever becomes of it, nothing of the file does: what it does not answer is mapped here.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import msgspec
import structlog

from scr.data import DataFiles
from scr.fhir.identifiers import OdsCode
from scr.intake.ahead.configuration import configuration_of
from scr.intake.ahead.wire import HEAD, Answer, Asked, SetUp, answer_from, framed

LONG = 1_000_000
"""Bytes of a payload from which on another process is worth its start."""

_PATIENCE = 60.0
"""Seconds until a process that does not answer is given up."""

_BUFFER = 1 << 20
_MODULE = "scr.intake.ahead.process"
_log = structlog.get_logger("scr.intake")


class Helper:
    """One process that maps rows. Used from one event loop."""

    def __init__(self, set_up: SetUp, command: tuple[str, ...]) -> None:
        self._set_up, self._command = set_up, command
        self._process: Process | None = None
        self._waiting: deque[asyncio.Future[Answer | None]] = deque()
        self.ready = False
        self.started = asyncio.Event()
        """Set when it answers, or never will."""

    async def run(self) -> None:
        """Start the process and hand out its answers, until it ends, which must not matter to anybody."""
        try:
            await self._serve()
        except (OSError, EOFError, ValueError, msgspec.DecodeError) as error:
            _log.warning("rows are mapped here alone", why=type(error).__name__)
        finally:
            self._give_up()

    async def ask(self, asked: Asked) -> Answer | None:
        """What was made of each run; None where this is for the asker to do."""
        process = self._process
        if not self.ready or process is None or process.stdin is None:
            return None
        try:
            process.stdin.write(framed(asked))
        except (OSError, RuntimeError, TypeError, ValueError):
            return None
        waiter: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await asyncio.wait_for(waiter, _PATIENCE)
        except TimeoutError:
            self._give_up()
            return None

    async def ended(self) -> None:
        """Return when there is no process any more."""
        if self._process is not None:
            await self._process.wait()

    async def _serve(self) -> None:
        process = self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_BUFFER, start_new_session=True
        )
        questions, answers = process.stdin, process.stdout
        if questions is None or answers is None:
            return
        questions.write(framed(self._set_up))
        if not msgspec.msgpack.decode(await _frame(answers), type=bool):
            _log.info("rows are mapped here alone", why="the files have changed since the start")
            return
        self.ready = True
        self.started.set()
        while True:
            answer = answer_from(await _frame(answers))
            if self._waiting:
                _settle(self._waiting.popleft(), answer)

    def _give_up(self) -> None:
        self.ready = False
        self.started.set()
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        while self._waiting:
            _settle(self._waiting.popleft(), None)


@dataclass(frozen=True, slots=True)
class Helpers:
    """Starts helpers. ``configurations`` say by which files the service was started, for each adapter;
    ``long`` is from how many bytes on a payload gets one."""

    files: DataFiles
    id_key: bytes = field(repr=False)
    configurations: Mapping[str, bytes]
    command: tuple[str, ...] = (sys.executable, "-m", _MODULE)
    long: int = LONG

    @classmethod
    def of(cls, files: DataFiles, id_key: bytes, adapters: Iterable[str]) -> Helpers:
        """Of the files as they are now."""
        return cls(files, id_key, {name: configuration_of(files, name) for name in adapters})

    @asynccontextmanager
    async def helping(self, adapter: str, source: OdsCode) -> AsyncIterator[Helper]:
        """A helper that is being started; it is ended with the block."""
        home = None if self.files.home is None else str(self.files.home.absolute())
        configuration = self.configurations.get(adapter, b"")
        helper = Helper(SetUp(home, adapter, source.value, self.id_key, configuration), self.command)
        task = asyncio.create_task(helper.run())
        try:
            yield helper
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await helper.ended()


def _settle(waiter: asyncio.Future[Answer | None], answer: Answer | None) -> None:
    if not waiter.done():
        waiter.set_result(answer)


async def _frame(source: asyncio.StreamReader) -> bytes:
    """What the next frame holds. Raises EOFError at the end (IncompleteReadError)."""
    length = int.from_bytes(await source.readexactly(HEAD), "big")
    return await source.readexactly(length)
