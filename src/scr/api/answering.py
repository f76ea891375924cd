"""Answers that are fetched later are made beside what else a process does (``fhir/carrying``)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from scr.api.fhir.carrying import Carrier
from scr.api.services import Services, now_ms
from scr.sources.workflows import Workflows

if TYPE_CHECKING:
    from scr.api.fhir.making import Maker

_GRACE_MS = 15_000
"""What may come after the sources have answered: what is found is sealed and written."""
_SWEEP_SECONDS = 60.0


def open_carrier(services: Services, maker: Callable[[], Maker]) -> Carrier:
    """What takes them up, each for as long as its sources may have."""
    lease = round(services.settings.async_seconds * 1000) + _GRACE_MS
    return Carrier(services.database, maker, now_ms, lease)


@asynccontextmanager
async def answering(carrier: Carrier, workflows: Workflows) -> AsyncIterator[None]:
    """Take up what nobody has, by the workflows of this process; what is being made at the end is given
    back."""
    carrier.by(workflows)
    taking = asyncio.create_task(carrier.run())
    try:
        yield
    finally:
        await carrier.close()
        await taking


@asynccontextmanager
async def answering_alone(services: Services, workflows: Workflows) -> AsyncIterator[None]:
    """The same in a process that serves nothing: what it takes is loaded with the first that it takes up."""
    made: list[Maker] = []

    def maker() -> Maker:
        if not made:
            from scr.api.fhir.makers import (
                open_maker_alone,
            )  # loading it takes time, and few processes need it

            made.append(open_maker_alone(services))
        return made[0]

    async def sweep() -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            services.recent.sweep()
            services.readings.sweep()

    sweeping = asyncio.create_task(sweep())
    try:
        async with answering(open_carrier(services, maker), workflows):
            yield
    finally:
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping
