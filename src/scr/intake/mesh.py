"""MESH mailboxes: polled, each message taken in as any other payload, acknowledged after the commit.

What the service has given and we have not acknowledged stays in the inbox, and is given again: so a
crash, a full disk or half a message loses nothing, and the store knows a payload that it has. What is
for no feed here, or is too large, is left where it is, unread and unacknowledged, and told once: MESH
reports it to its sender as not collected after some days, and until then a corrected file takes it in.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

import structlog

from scr.errors import ScrError, TooLarge, Unavailable
from scr.faults import reach
from scr.intake.mesh_routes import Route
from scr.intake.receive import Intake

_GREET_SECONDS = 20 * 3600.0
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 900.0
_IN_A_ROW = 3
"""Failures one after another that end a poll: then it is not the message, it is the service or the store."""

_SHOWN = re.compile(r"(?!.*[0-9]{9})[A-Za-z0-9_.-]{1,50}\Z")
_log = structlog.get_logger("scr.intake")


class MeshFailure(Unavailable):
    """The service did not do what it was asked.

    ``code`` is one of http-NNN, tls, timed-out, unreachable, redirect, truncated, unreadable, stopped.
    """


class NotThere(MeshFailure):
    """404 or 410: no such mailbox, or a message that was acknowledged or has expired."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the service says of a message. A ``report`` tells that one of ours was not collected:
    ``linked`` is that one's id and ``status`` the code of the reason."""

    workflow: str
    sender: str
    report: bool
    status: str
    linked: str


class WaitingMessage(Protocol):
    """A message whose content is still to be taken."""

    @property
    def head(self) -> Head:
        """What the service says of it."""

    def take(self, max_bytes: int) -> bytes:
        """Its content. Raises TooLarge, MeshFailure."""


class OpenMailbox(Protocol):
    """A session with a mailbox, whose calls block and raise MeshFailure."""

    def greet(self) -> None:
        """Say that we are here."""

    def waiting(self) -> list[str]:
        """The ids of the messages in the inbox."""

    def look(self, message: str, /) -> AbstractContextManager[WaitingMessage]:
        """One message."""

    def acknowledge(self, message: str, /) -> None:
        """Let the service delete it."""

    def stop(self) -> None:
        """Break off what is being read."""

    def close(self) -> None:
        """End the session."""


class _Outcome(Enum):
    TAKEN = auto()
    LEFT = auto()
    FAILED = auto()


class MeshPoller:
    """Polls one mailbox, whose feeds are ``routes``.

    ``open_mailbox`` is called for each poll, so that a renewed secret or certificate is taken up;
    ``max_bytes`` is the largest message that is taken.
    """

    def __init__(
        self,
        intake: Intake,
        routes: Iterable[Route],
        open_mailbox: Callable[[], OpenMailbox],
        *,
        max_bytes: int,
    ) -> None:
        self._intake = intake
        self._routes = tuple(routes)
        self._open = open_mailbox
        self._max_bytes = max_bytes
        self.mailbox = self._routes[0][2].mailbox
        self._poll_seconds = self._routes[0][2].poll_seconds
        self._greet_at = 0.0
        self._left: set[str] = set()
        self._put_off: dict[str, tuple[int, float]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until ``stop`` is set; after a poll that failed, soon at first and later each time."""
        failures = 0
        while not stop.is_set():
            try:
                await self.poll(stop)
                failures, pause = 0, self._until_next()
            except ScrError as error:
                failures += 1
                self._greet_at = 0.0
                pause = self._pause(failures)
                self._warn("mesh poll failed", code=error.code, why=str(error), again_in=round(pause))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def poll(self, stop: asyncio.Event | None = None) -> int:
        """Take in what waits now, breaking off where ``stop`` is set; how many messages were acknowledged.

        Raises MeshFailure where the mailbox cannot be read or message after message fails, Invalid
        where a secret or a certificate is not there.
        """
        stop = stop or asyncio.Event()
        async with self._opened(stop) as mailbox:
            now = asyncio.get_running_loop().time()
            if now >= self._greet_at:
                await asyncio.to_thread(mailbox.greet)
                self._greet_at = now + _GREET_SECONDS
            listed = await asyncio.to_thread(mailbox.waiting)
            self._left &= {*listed}
            self._put_off = {each: self._put_off[each] for each in listed if each in self._put_off}
            taken, failed = 0, 0
            for message in listed:
                if stop.is_set():
                    break
                if message in self._left or self._put_off.get(message, (0, now))[1] > now:
                    continue
                outcome = await self._attempt(mailbox, message)
                taken += outcome is _Outcome.TAKEN
                failed = failed + 1 if outcome is _Outcome.FAILED else 0
                if failed == _IN_A_ROW and not stop.is_set():
                    text = f"{failed} messages one after another could not be taken"
                    raise MeshFailure(text, code="messages-failed")
            return taken

    @asynccontextmanager
    async def _opened(self, stop: asyncio.Event) -> AsyncIterator[OpenMailbox]:
        mailbox = await asyncio.to_thread(self._open)

        async def break_off() -> None:
            await stop.wait()
            mailbox.stop()

        waiting = asyncio.create_task(break_off())
        try:
            yield mailbox
        finally:
            waiting.cancel()
            await asyncio.to_thread(mailbox.close)

    async def _attempt(self, mailbox: OpenMailbox, message: str) -> _Outcome:
        """Take one message; whatever is wrong with it, the next one gets its turn."""
        try:
            outcome = await self._take(mailbox, message)
        except TooLarge as error:
            self._warn("mesh message left in the inbox", message=message, code=error.code, why=str(error))
            outcome = _Outcome.LEFT
        except NotThere:  # another poller of the mailbox was first
            outcome = _Outcome.LEFT
        except ScrError as error:
            return self._failed(message, error.code, str(error))
        except Exception as error:  # noqa: BLE001 - the message boundary: one message's fault is not the mailbox's
            return self._failed(message, type(error).__name__, "a mistake of our own")
        self._put_off.pop(message, None)
        if outcome is _Outcome.LEFT:
            self._left.add(message)
        return outcome

    def _failed(self, message: str, code: str, why: str) -> _Outcome:
        failures = self._put_off.get(message, (0, 0.0))[0] + 1
        pause = self._pause(failures)
        self._put_off[message] = failures, asyncio.get_running_loop().time() + pause
        self._warn("mesh message not taken", message=message, code=code, why=why, again_in=round(pause))
        return _Outcome.FAILED

    async def _take(self, mailbox: OpenMailbox, message: str) -> _Outcome:
        head, route, raw = await asyncio.to_thread(self._fetch, mailbox, message)
        if head.report:
            told = {"status": _shown(head.status), "of": _shown(head.linked)}
            self._warn("mesh report: a message of ours was not collected", message=message, **told)
        elif route is None:
            told = {"workflow": _shown(head.workflow), "sender": _shown(head.sender)}
            self._warn("mesh message left in the inbox", message=message, code="no-feed", **told)
            return _Outcome.LEFT
        else:
            provider, feed, _ = route
            reach("mesh.fetched")
            receipt = await self._intake.receive(provider, feed, raw)
            told = {"provider": provider.ods.value, "feed": feed.name, "kept_as": receipt.message}
            _log.info("mesh message taken", mailbox=self.mailbox, message=message, **told)
        reach("mesh.taken")
        with suppress(NotThere):
            await asyncio.to_thread(mailbox.acknowledge, message)
        reach("mesh.acknowledged")
        return _Outcome.TAKEN

    def _fetch(self, mailbox: OpenMailbox, message: str) -> tuple[Head, Route | None, bytes]:
        """A message's headers, its feed, and its content where there is a feed. In a thread."""
        with mailbox.look(message) as waiting:
            head = waiting.head
            route = None if head.report else self._route(head)
            return head, route, b"" if route is None else waiting.take(self._max_bytes)

    def _route(self, head: Head) -> Route | None:
        for route in self._routes:
            connection = route[2]
            if head.workflow in connection.workflow_ids and connection.sender in {"", head.sender}:
                return route
        return None

    def _until_next(self) -> float:
        """Seconds until the next poll, which is sooner where a message is to be tried again."""
        now = asyncio.get_running_loop().time()
        again = [max(when - now, 0.0) for _, when in self._put_off.values()]
        return min([self._poll_seconds, *again])

    def _pause(self, failures: int) -> float:
        """Seconds after so many failures, doubling, and spread so that not all come back at once."""
        first = min(_FIRST_PAUSE, self._poll_seconds)
        longest = min(first * 2.0 ** min(failures - 1, 20), max(_LONGEST_PAUSE, self._poll_seconds))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - a delay is no secret

    def _warn(self, event: str, **told: str | int) -> None:
        _log.warning(event, mailbox=self.mailbox, **told)


def _shown(text: str) -> str:
    """A header's value in a log: a code or an id, and nothing that could be a person's number."""
    return text if _SHOWN.match(text) else "(not shown)"
