"""Alerts go out beside the server, where the settings say where to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scr.api.access.reminding import reminding
from scr.api.services import Services, now_ms
from scr.settings import Settings
from scr.sources.alerts import AlertPost, Send, ways_of
from scr.sources.workflows import Workflows


def sends_alerts(settings: Settings) -> bool:
    """Whether a deployment sends any: else none is written that nobody would take."""
    return bool(settings.alert_webhook or settings.alert_folder)


@asynccontextmanager
async def alerting(services: Services, workflows: Workflows) -> AsyncIterator[None]:
    """Deliver them by the workflows of this process, and make those that a clock makes.

    Raises Invalid where the secret that signs them is not there.
    """
    ways = ways_of(services.settings, services.client, now_ms)
    async with reminding(services, sends=bool(ways)):
        if ways:
            async with _delivering(services, ways, workflows):
                yield
        else:
            yield


@asynccontextmanager
async def _delivering(services: Services, ways: dict[str, Send], workflows: Workflows) -> AsyncIterator[None]:
    stop, settings = asyncio.Event(), services.settings
    post = AlertPost(services.database, ways, settings.base_url, now_ms, settings.outbound_days)
    posting = asyncio.create_task(post.by(workflows).run(stop))
    try:
        yield
    finally:
        stop.set()
        await posting
