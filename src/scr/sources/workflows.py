"""Work that outlives the process that begins it: workflows of DBOS, over the deployment's own database.

A workflow is a function whose steps are written down as they end. After a crash another process goes on with
it behind the last step that was. Its tables hold plain values, so nothing goes through them but ids, numbers
and short codes, as JSON (not as pickles, which whoever has the database could make run something). They are
in the schema ``dbos`` of the same PostgreSQL, or in ``outbound.db`` of the home beside SQLite; without them
nothing is lost: what goes out has a row in the store, and is sent again under the same key.

Loading the library takes a second and some 50 MB: that is done where something is to be sent, and not before.
There is one of these in a process, for all that it sends and makes.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import orjson
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from scr.errors import Fault, ScrError, Unavailable
from scr.faults import reach
from scr.store.keys import random_id

if TYPE_CHECKING:
    from dbos import DBOS

T = TypeVar("T")
VERSION = "1"
"""Of the workflows: another where their steps are others, so that none goes on with steps it has not."""
_MAKES_ONLY = "1-makes"
"""That of a process that sends nothing: what was begun to be sent is not for it to go on with."""
MAKINGS = 16
"""So many answers a process makes at a time."""
_DELIVER, _MAKE, _DONE, _FAILED = "deliver", "make", "done", "failed"
_ENDED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
_KEPT_SECONDS = 7 * 24 * 3600
_MOST = 1_000
_alone = threading.Lock()
"""Held by whoever has opened the library, which is one for a process."""


class Steps(Protocol):
    """What the steps of sending something do; called in a thread. They raise ScrError alone."""

    def ways(self, what: str, /) -> list[str]:
        """The ways that have not taken it."""

    def send(self, what: str, way: str, /) -> str:
        """Send it by a way; gives a code of what went wrong, empty where it was taken."""

    def note(self, what: str, number: int, said: dict[str, str], /) -> None:
        """Write down what each way said at the so-manieth try; a second time it changes nothing."""


Make = Callable[[str, int], str]
"""Makes an answer that was asked for, the so-manieth time that a process has taken it; called in a thread.
Gives a code of what went wrong, empty where it was made. Raises ScrError alone."""


@dataclass(slots=True, eq=False)
class Workflows:
    """The workflows of a process. ``url`` is the deployment's database, ``home`` its folder.

    ``sending`` and ``making`` are what it does, and are there before the first is begun; ``longest`` is how
    many ms an answer is made at most.
    """

    url: str
    home: Path
    sending: Steps | None = None
    making: Make | None = None
    longest: int = 0
    _dbos: type[DBOS] | None = None
    _opening: threading.Lock = field(default_factory=threading.Lock)
    _waiting: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(MAKINGS + 2, "scr-workflow")
    )
    """Threads that wait for workflows: in the loop's own they would stand in the way of the steps."""

    async def deliver(self, what: str, number: int) -> None:
        """Send something, at the so-manieth try, and wait until that has ended. What a process that died has
        begun is gone on with. Raises Unavailable where the database is down."""
        await self._in_thread(lambda: self._ended(_DELIVER, what, number))

    async def make(self, what: str, number: int) -> None:
        """Make an answer, taken for the so-manieth time, and wait for its end. Raises Unavailable."""
        await self._in_thread(lambda: self._ended(_MAKE, what, number))

    async def sweep(self, before: int) -> int:
        """End what processes that died had begun before a time (ms UTC), and forget what ended long ago; how
        many were gone on with. Raises Unavailable.

        An answer that was begun to be made is not gone on with: whoever takes it begins it under another
        number.
        """
        return await self._in_thread(lambda: self._sweep(before))

    async def close(self) -> None:
        """Let go of it, if it was opened at all."""
        if self._dbos is not None:
            await asyncio.to_thread(_let_go, self._dbos)
            self._dbos = None
        self._waiting.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._waiting, work)

    def _ended(self, kind: str, what: str, number: int) -> None:
        dbos, identity = self._opened(), f"{what}.{number}"
        from dbos import SetWorkflowID

        with _told():
            before = dbos.get_workflow_status(identity)
            if before is not None and before.status in _ENDED:  # and yet the row says that it is to be done
                dbos.delete_workflow(identity)
                before = None
            if before is None:
                with SetWorkflowID(identity):
                    handle: Any = dbos.start_workflow(self._workflows[kind], what, number)
            else:
                handle = dbos.resume_workflow(identity)
            handle.get_result()

    def _sweep(self, before: int) -> int:
        dbos = self._opened()
        with _told():
            begun = dbos.list_workflows(status="PENDING", limit=_MOST, load_input=False, load_output=False)
            over = [one for one in begun if (one.updated_at or before) < before]
            left = [one.workflow_id for one in over if one.name == _DELIVER and self.sending is not None]
            for identity in left:
                dbos.resume_workflow(identity)
            dead = before - self.longest
            made = [one for one in over if one.name == _MAKE and (one.updated_at or before) < dead]
            dbos.delete_workflows([one.workflow_id for one in made])
            ended = dbos.list_workflows(status=list(_ENDED), limit=_MOST, load_input=False, load_output=False)
            old = before - _KEPT_SECONDS * 1000
            dbos.delete_workflows([one.workflow_id for one in ended if (one.updated_at or before) < old])
        return len(left)

    def _opened(self) -> type[DBOS]:
        with self._opening:
            if self._dbos is None:
                self._dbos = self._open()
            return self._dbos

    def _open(self) -> type[DBOS]:
        from dbos import DBOS

        if not _alone.acquire(blocking=False):
            raise Fault("a process has one set of workflows")
        DBOS(
            config={
                "name": "scr",
                "system_database_url": self._address(),
                "application_version": _MAKES_ONLY if self.sending is None else VERSION,
                "executor_id": random_id(),
                "serializer": _plain(),
                "sys_db_pool_size": 4,
                "max_executor_threads": 8 + MAKINGS,
                "use_listen_notify": False,
                "enable_otlp": False,
                "log_level": "ERROR",
            }
        )
        self._workflows = {
            _DELIVER: DBOS.workflow(name=_DELIVER)(self._sent()),
            _MAKE: DBOS.workflow(name=_MAKE)(self._made()),
        }
        try:
            with _told():
                DBOS.launch()
        except Unavailable:
            _let_go(DBOS)
            raise
        return DBOS

    _workflows: dict[str, Any] = field(default_factory=dict)

    def _address(self) -> str:
        url = make_url(self.url)
        if url.get_backend_name() == "postgresql":
            return url.set(drivername="postgresql").render_as_string(hide_password=False)
        path = self.home / "outbound.db"
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        return f"sqlite:///{path}"

    def _sent(self) -> Any:
        """The workflow that sends. An error of ours ends it, and the next try begins anew."""
        from dbos import DBOS

        def steps() -> Steps:
            assert self.sending is not None
            return self.sending

        @DBOS.step(name="ways")
        def ways(what: str) -> list[str]:
            return steps().ways(what)

        @DBOS.step(name="send")
        def send(what: str, way: str) -> str:
            return steps().send(what, way)

        @DBOS.step(name="note")
        def note(what: str, number: int, said: dict[str, str]) -> None:
            steps().note(what, number, said)

        def deliver(what: str, number: int) -> str:
            reach("outbound.begun")
            try:
                said = {}
                for way in ways(what):
                    reach("outbound.sending")
                    said[way] = send(what, way)
                    reach("outbound.sent")
                reach("outbound.noting")
                note(what, number, said)
            except ScrError:
                return _FAILED
            reach("outbound.noted")
            return _DONE

        return deliver

    def _made(self) -> Any:
        """The workflow that makes an answer: one step, which keeps it together with its row in the audit."""
        from dbos import DBOS

        @DBOS.step(name="make")
        def step(what: str, number: int) -> str:
            assert self.making is not None
            return self.making(what, number)

        def make(what: str, number: int) -> str:
            reach("job.making")
            try:
                said = step(what, number)
            except ScrError:
                return _FAILED
            reach("job.written")
            return said or _DONE

        return make


@asynccontextmanager
async def open_workflows(url: str, home: Path) -> AsyncIterator[Workflows]:
    """Those of a process, until the end of the context; the library is loaded when the first is begun."""
    workflows = Workflows(url, home)
    try:
        yield workflows
    finally:
        await workflows.close()


def _let_go(dbos: type[DBOS]) -> None:
    dbos.destroy(destroy_registry=True)
    _alone.release()


@contextmanager
def _told() -> Iterator[None]:
    from dbos import error

    try:
        yield
    except (SQLAlchemyError, error.DBOSException):
        raise Unavailable(
            "the database of the workflows did not serve", code="database-unavailable"
        ) from None


def _plain() -> Any:
    from dbos import Serializer

    class Plain(Serializer):  # type: ignore[misc, unused-ignore]
        """JSON; of an error its type alone."""

        def serialize(self, data: object) -> str:
            """As text."""
            return orjson.dumps(data, default=lambda one: type(one).__name__).decode()

        def deserialize(self, serialized_data: str) -> object:  # type: ignore[override, unused-ignore]
            """What was told."""
            return orjson.loads(serialized_data)

        def name(self) -> str:
            """Of the format."""
            return "scr-json"

    return Plain()
