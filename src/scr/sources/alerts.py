"""Alerts that leave the house: each is tried until every way that the settings name has taken it.

A way is an address of the network (``alert_webhook``) or a folder (``alert_folder``). What goes out is an
id, a kind, a time, and a link to the page where whoever may is told more: nobody's name, number or record.
A message to an address is signed, so that whoever takes it can tell that it is ours: HMAC-SHA256 over its
time, a full stop and its body, in hexadecimal after ``v1=``. A way that has failed is tried again, later
each time, and never given up; whoever takes an alert twice knows it by its id.
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

from scr.errors import Invalid, ScrError
from scr.fhir.dates import instant_text
from scr.settings import Settings
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
_LEAST_SECRET = 32
_PAGES = {
    alerts.NOTICE: "../my/notices",
    alerts.CHALLENGE: "../access/sources/challenges",
    alerts.REMINDER: "../access/sources/challenges",
    alerts.OVERDUE: "../access/sources/challenges/overdue",
}
"""Where whoever may is told more, beside the FHIR base."""
KINDS = {ClaimKind.GLASS: "break-glass", ClaimKind.RELATIONSHIP: "claimed-relationship"}

_log = structlog.get_logger("scr.alerts")

Send = Callable[[Alert, bytes], Awaitable[str]]
"""Hands an alert over; gives a code of what went wrong, empty where it was taken."""


@dataclass(frozen=True, slots=True)
class AlertPost:
    """Delivers the alerts of a deployment. ``clock`` gives milliseconds UTC."""

    database: Database
    ways: dict[str, Send]
    base_url: str
    clock: Callable[[], int]

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver what is due, until ``stop`` is set."""
        while not stop.is_set():
            try:
                while not stop.is_set() and await self.deliver():
                    pass
            except ScrError as error:  # the database is down: the next time
                _log.warning("no alert was delivered", code=error.code)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _PAUSE)

    async def deliver(self) -> bool:
        """Try one alert whose time has come; False where there is none."""
        now = self.clock()
        alert = await self.database.write(lambda conn: alerts.take(conn, now, now + LEASE_MS))
        if alert is None:
            return False
        body, taken, problem = told(alert, self.base_url), alert.taken.split(), ""
        for name, send in self.ways.items():
            if name in taken:
                continue
            failed = await send(alert, body)
            if failed:
                problem = f"{name}: {failed}"
            else:
                taken.append(name)
        after = self._after(replace(alert, taken=" ".join(taken), problem=problem))
        await self.database.write(lambda conn: alerts.write(conn, after))
        if problem:
            _log.warning("an alert could not be delivered", claim=alert.id, problem=problem)
        return True

    def _after(self, alert: Alert) -> Alert:
        now = self.clock()
        if not alert.problem:
            return replace(alert, done=now)
        later = min(FIRST_MS << min(alert.tries, 20), LONGEST_MS)
        return replace(alert, tries=alert.tries + 1, next=now + later)


def told(alert: Alert, base_url: str) -> bytes:
    """What goes out of an alert: JSON."""
    said = {"id": alert.id, "at": instant_text(alert.at)}
    if alert.kind in _PAGES:
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
