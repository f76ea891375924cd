"""A payload that departs from what its feed sent before is held back, where the feed's policy says so.

By the other policy it is filed with a warning and learnt from (``scr.store.watch``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from scr.decode.tree import BadUnit, Unit
from scr.store.watch import Look

DRIFT = "drift"
"""The code by which a payload is in quarantine that departs from what its feed sent before."""

_TOLD = 3
_AT_ONCE = 40


async def departs(look: Look, units: Iterator[Unit | BadUnit]) -> str:
    """Why a whole payload is to be held back; empty where it is as its feed's payloads are."""
    for number, unit in enumerate(units):
        look.see(unit)
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)  # a long file does not keep the others waiting
    found = look.found()
    if not found:
        return ""
    told = "; ".join(str(drift) for drift in found[:_TOLD])
    more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return f"It departs from what this feed sent before ({told}{more}): mend it at the source, or release it."
