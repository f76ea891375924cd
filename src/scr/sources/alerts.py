"""Alerts that leave the house: each is tried until every way that the settings name has taken it.

A way is an address of the network (``alert_webhook``) or a folder (``alert_folder``). What goes out is an
id, a kind, a time, and a link to the page where whoever may is told more: nobody's name, number or record.
A message to an address is signed, so that whoever takes it can tell that it is ours: HMAC-SHA256 over its
time, a full stop and its body, in hexadecimal after ``v1=``. A way that has failed is tried again, later each
time, until the days of the settings are over: then it is given up, and that is told by an alert of its own.
Each try is a workflow (``workflows``); whoever takes an alert twice knows it by its ``Idempotency-Key``.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin

import httpx
import orjson
import structlog
from sqlalchemy import Connection

from scr.errors import Invalid, ScrError
from scr.faults import reach
from scr.fhir.dates import instant_text
from scr.settings import Settings
from scr.sources.workflows import Workflows
from scr.store import alerts
from scr.store.alerts import Alert
from scr.store.claims import ClaimKind
from scr.store.engine import Database

LEASE_MS = 60_000
"""For so long one process has an alert to itself."""
FIRST_MS, LONGEST_MS = 5_000, 3_600_000
"""How long after a failure it is tried again: twice as long each time."""
_TIMEOUT = 10.0
_PAUSE = 2.0
_SWEEP_MS = 60_000
_DAY_MS = 24 * 3600 * 1000
_LEAST_SECRET = 32
_PAGES = {
    alerts.NOTICE: "../my/notices",
    alerts.CHALLENGE: "../disputes",
    alerts.REMINDER: "../disputes",
    alerts.OVERDUE: "../disputes/overdue",
    alerts.UNDELIVERED: "../privacy",
}
"""Where whoever may is told more, beside the FHIR base."""
KINDS = {ClaimKind.GLASS: "break-glass", ClaimKind.RELATIONSHIP: "claimed-relationship"}

_log = structlog.get_logger("scr.alerts")

Send = Callable[[Alert, bytes], Awaitable[str]]
"""Hands an alert over; gives a code of what went wrong, empty where it was taken."""


@dataclass(frozen=True, slots=True)
class AlertPost:
    """Delivers the alerts of a deployment. ``clock`` gives milliseconds UTC; one that could not be sent for
    ``days`` is given up. For ``lease`` ms one process has an alert to itself."""

    database: Database
    ways: dict[str, Send]
    base_url: str
    clock: Callable[[], int]
    days: float = 7.0
    lease: int = LEASE_MS

    def by(self, workflows: Workflows) -> Delivery:
        """Deliver from this event loop, by the workflows of this process."""
        workflows.sending = AlertSteps(self, asyncio.get_running_loop())
        return Delivery(self, workflows)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What delivers, with its workflows open or to be opened by the first alert."""

    post: AlertPost
    workflows: Workflows

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver what is due, until ``stop`` is set."""
        swept, clock = float("-inf"), self.post.clock
        while not stop.is_set():
            try:
                while not stop.is_set() and await self.deliver():
                    if clock() - swept > _SWEEP_MS:
                        swept = clock()
                        await self.sweep()
            except ScrError as error:  # the database is down: the next time
                _log.warning("no alert was delivered", code=error.code)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _PAUSE)

    async def deliver(self) -> bool:
        """Try one alert whose time has come; False where there is none."""
        post, now = self.post, self.post.clock()
        alert = await post.database.write(lambda conn: alerts.take(conn, now, now + post.lease))
        if alert is None:
            return False
        reach("outbound.claimed")
        await self.workflows.deliver(alert.id, alert.tries)
        return True

    async def sweep(self) -> None:
        """End what processes that died have left, and forget what ended long ago."""
        await self.workflows.sweep(self.post.clock() - 2 * self.post.lease)


@dataclass(frozen=True, slots=True)
class AlertSteps:
    """The steps of one try, from a workflow's thread; what is sent is sent by the event loop's client."""

    post: AlertPost
    loop: asyncio.AbstractEventLoop

    def ways(self, what: str) -> list[str]:
        """The ways that have not taken it."""
        alert = self._find(what)
        taken = [] if alert is None else alert.taken.split()
        return [] if alert is None else [name for name in self.post.ways if name not in taken]

    def send(self, what: str, way: str) -> str:
        """Send it by a way; a way that the settings do not name any more has failed."""
        alert, send = self._find(what), self.post.ways.get(way)
        if alert is None or send is None:
            return "no-way"
        body = told(alert, self.post.base_url)
        return asyncio.run_coroutine_threadsafe(_sent(send, alert, body), self.loop).result()

    def note(self, what: str, number: int, said: dict[str, str]) -> None:
        """Write down what came of the so-manieth try, once."""
        now = self.post.clock()

        def work(connection: Connection) -> Alert | None:
            alert = alerts.find(connection, what, alone=True)
            if alert is None or alert.done is not None or alert.tries != number:
                return None
            after = self._after(alert, said, now)
            if after.done is None and now - after.at > self.post.days * _DAY_MS:
                alerts.give_up(connection, after, now)
            else:
                alerts.write(connection, after)
            return after

        after = self.post.database.write_now(work)
        if after is not None and after.problem:
            gone = now - after.at > self.post.days * _DAY_MS
            event = "an alert was given up" if gone else "an alert could not be delivered"
            (_log.error if gone else _log.warning)(event, claim=what, problem=after.problem)

    def _after(self, alert: Alert, said: dict[str, str], now: int) -> Alert:
        taken = [*alert.taken.split(), *(way for way, failed in said.items() if not failed)]
        problem = "; ".join(f"{way}: {failed}" for way, failed in said.items() if failed)
        after = replace(alert, taken=" ".join(taken), problem=problem, tries=alert.tries + 1)
        if not problem:
            return replace(after, done=now)
        return replace(after, next=now + min(FIRST_MS << min(alert.tries, 20), LONGEST_MS))

    def _find(self, what: str) -> Alert | None:
        return self.post.database.read_now(lambda connection: alerts.find(connection, what))


async def _sent(send: Send, alert: Alert, body: bytes) -> str:
    return await send(alert, body)


def told(alert: Alert, base_url: str) -> bytes:
    """What goes out of an alert: JSON."""
    said = {"id": alert.id, "at": instant_text(alert.at)}
    if alert.kind == alerts.MISUSE:
        page = f"../privacy/misuse/{alert.id.removeprefix(alerts.MISUSE)[1:]}"
        said |= {"kind": alert.kind, "link": urljoin(f"{base_url}/", page)}
    elif alert.kind in _PAGES:
        said |= {"kind": alert.kind, "link": urljoin(f"{base_url}/", _PAGES[alert.kind])}
    else:
        link = urljoin(f"{base_url}/", f"../privacy/claim/{alert.id}")
        said |= {"kind": KINDS[ClaimKind(alert.kind)], "link": link}
    if alert.about:
        said["for"] = alert.about
    return orjson.dumps(said)


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """What ``X-SCR-Signature`` says of a body that was sent at a time (seconds since 1970)."""
    return "v1=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def ways_of(settings: Settings, client: httpx.AsyncClient, clock: Callable[[], int]) -> dict[str, Send]:
    """The ways that the settings name. Raises Invalid where the secret is not there or is too short."""
    ways: dict[str, Send] = {}
    if settings.alert_webhook:
        secret = settings.secret(settings.alert_secret)
        if len(secret) < _LEAST_SECRET:
            raise Invalid(
                f"the secret {settings.alert_secret!r} has to have {_LEAST_SECRET} characters or more",
                code="bad-setting",
            )
        ways["webhook"] = _webhook(settings.alert_webhook, secret, client, clock)
    if settings.alert_folder:
        ways["folder"] = _folder(settings.path(settings.alert_folder))
    return ways


def _webhook(url: str, secret: bytes, client: httpx.AsyncClient, clock: Callable[[], int]) -> Send:
    async def send(alert: Alert, body: bytes) -> str:
        timestamp = str(clock() // 1000)
        headers = {
            "Content-Type": "application/json",
            "X-SCR-Alert": alert.id,
            "Idempotency-Key": f'"{alert.id}"',
            "X-SCR-Timestamp": timestamp,
            "X-SCR-Signature": signature(secret, timestamp, body),
        }
        try:
            # Of the answer nothing is read but its status: what it says is not for us.
            async with client.stream(
                "POST", url, content=body, headers=headers, timeout=_TIMEOUT, follow_redirects=False
            ) as answer:
                return "" if answer.is_success else f"status-{answer.status_code}"
        except httpx.HTTPError:
            return "not-reached"

    return send


def _folder(folder: Path) -> Send:
    def write(alert: Alert, body: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{alert.id}.part"
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / f"{alert.id}.json")  # whoever watches the folder sees the whole or nothing

    async def send(alert: Alert, body: bytes) -> str:
        try:
            await asyncio.to_thread(write, alert, body)
        except OSError:
            return "not-written"
        return ""

    return send
