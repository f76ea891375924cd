"""``python -m bench.senders``: several senders of ADT, one MLLP connection each.

Each sends its next message when the last one is acknowledged. Reads ``{"port", "senders", "messages",
"seed"}`` as JSON; prints messages a second, and how many were not accepted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from bench.payloads import adt_messages
from scr.intake.frames import frame
from scr.intake.mllp_client import connect


async def send_all(port: int, batches: list[list[bytes]]) -> dict[str, float]:
    """Send every batch over a connection of its own, all at once."""
    times: list[float] = []
    refused = 0

    async def sender(batch: list[bytes]) -> None:
        nonlocal refused
        async with connect("127.0.0.1", port) as exchange:
            for message in batch:
                started = time.perf_counter()
                answer = await exchange(message)
                times.append(time.perf_counter() - started)
                refused += b"MSA|AA" not in answer

    began = time.perf_counter()
    await asyncio.gather(*(sender(batch) for batch in batches))
    elapsed = time.perf_counter() - began
    times.sort()
    return {
        "count": len(times),
        "rate": len(times) / elapsed,
        "p50": times[len(times) // 2] * 1000,
        "p99": times[len(times) * 99 // 100] * 1000,
        "refused": refused,
        "bytes": sum(len(frame(m)) for b in batches for m in b) / len(times),
    }


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    made = adt_messages(asked["messages"], senders=asked["senders"], seed=asked["seed"])
    print(json.dumps(asyncio.run(send_all(asked["port"], made))))
