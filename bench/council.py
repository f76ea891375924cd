"""``python -m bench.council``: a council's whole file, taken in by a process that does nothing else.

Reads ``{"home", "file", "rows"}`` as JSON; prints the seconds from the first byte to the last commit, rows a
second, and the megabytes of memory that the process had at its peak, and that it and its helper had together
(a page that both share counts once). The people are invented: the events
of the demonstration's people, given to as many others as it takes.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count, islice
from pathlib import Path

from bench.processes import peak_megabytes
from scr.api.logs import set_up_logs
from scr.api.services import open_services
from scr.demo.people import DEMO_SEED, known_to, nhs_number
from scr.demo.person import COUNCIL as COUNCIL_SYSTEM
from scr.demo.places import COUNCIL
from scr.demo.suppliers.council import COLUMNS, rows
from scr.fhir.identifiers import OdsCode
from scr.settings import load
from scr.store.messages import MessageState


def write_file(path: Path, size: int) -> None:
    """A file of so many rows, four or five about each person, in Client Level Data's shape."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(islice(_rows(), size))


def _rows() -> Iterator[dict[str, str]]:
    known = rows(known_to(COUNCIL_SYSTEM, DEMO_SEED, 300))
    people = list(dict.fromkeys(row["NHS_Number"] for row in known))
    for copy in count():
        numbers = {
            number: nhs_number(DEMO_SEED, copy * len(people) + place) for place, number in enumerate(people)
        }
        for row in known:
            yield row | {
                "NHS_Number": numbers[row["NHS_Number"]],
                "LA_Person_Unique_Identifier": f"{row['LA_Person_Unique_Identifier']}-{copy}",
                "Event_Reference": row["Event_Reference"] and f"{row['Event_Reference']}-{copy}",
            }


def main() -> None:
    """Take in a file, and print what it took."""
    set_up_logs("warning")
    asked = json.load(sys.stdin)
    raw = Path(asked["file"]).read_bytes()
    print(json.dumps(asyncio.run(_take(Path(asked["home"]), raw, asked["rows"]))))


async def _take(home: Path, raw: bytes, size: int) -> dict[str, float]:
    async with open_services(load({"home": home}).settings) as services:
        provider = services.providers[OdsCode(COUNCIL)]
        before = _processor()
        started = time.perf_counter()
        async with _weighing() as together:
            receipt = await services.intake.receive(provider, provider.feeds[0], raw)
            seconds = time.perf_counter() - started
    if receipt.state is not MessageState.FILED or receipt.filed != size:
        raise RuntimeError(f"not every row was filed: {receipt.problems[:3]}")
    return {
        "seconds": seconds,
        "rate": size / seconds,
        "processor": _processor() - before,
        "bytes": len(raw),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1.024e-3,
        "together": max(together),
    }


@asynccontextmanager
async def _weighing() -> AsyncIterator[list[float]]:
    """What all processes hold together, in megabytes, looked at every second until the end of the block."""
    found = [0.0]

    async def weigh() -> None:
        while True:
            found.append(peak_megabytes(os.getpid())[1])
            await asyncio.sleep(1)

    task = asyncio.create_task(weigh())
    try:
        yield found
    finally:
        task.cancel()


def _processor() -> float:
    """Processor seconds of this process and of those that it has ended."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
