"""``python -m scr.demo.supplier NAME``: one simulated supplier, in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from scr.demo.people import DEMO_SEED, DEMO_SIZE
from scr.demo.suppliers import council, gp, hospital, issuer, neighbour, nrl, pds
from scr.demo.suppliers.process import Arguments

SUPPLIERS: dict[str, Callable[[Arguments], Awaitable[None]]] = {
    "issuer": issuer.run,
    "gp": gp.run,
    "hospital": hospital.run,
    "council": council.run,
    "neighbour": neighbour.run,
    "pds": pds.run,
    "nrl": nrl.run,
}
DELAYS = {"neighbour": 1.2}
"""Seconds by which a supplier is slow from the start."""
EVERY = {"gp": 300.0, "hospital": 5.0, "council": 300.0}
"""Seconds between a supplier's nights, or its events."""


def arguments(given: Sequence[str] | None = None) -> Arguments:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m scr.demo.supplier", description=__doc__)
    parser.add_argument("name", choices=sorted(SUPPLIERS))
    parser.add_argument("--folder", type=Path, required=True, help="the demonstration's own folder")
    parser.add_argument("--drop", type=Path, help="scr's drop folder (default: drop, in the folder)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="own port; for the hospital: scr's MLLP port")
    parser.add_argument("--seed", type=int, default=DEMO_SEED)
    parser.add_argument("--size", type=int, default=DEMO_SIZE)
    parser.add_argument("--delay", type=float, help="seconds of delay (the neighbour: 1.2)")
    parser.add_argument("--every", type=float, help="seconds between nights or events")
    parser.add_argument("--token", type=Path, help="file with the neighbour's bearer token")
    parser.add_argument("--audience", default="", help="audience of the issuer's tokens")
    parser.add_argument("--keys", type=Path, help="JWKS by which scr shows that it is itself")
    read = parser.parse_args(given)
    return Arguments(
        name=read.name,
        folder=read.folder,
        port=read.port,
        seed=read.seed,
        size=read.size,
        drop=read.drop or read.folder / "drop",
        delay=DELAYS.get(read.name, 0.0) if read.delay is None else read.delay,
        every=EVERY.get(read.name, 60.0) if read.every is None else read.every,
        token=read.token.read_text(encoding="ascii").strip() if read.token else "",
        audience=read.audience,
        keys=read.keys.read_text(encoding="ascii") if read.keys else "",
        host=read.host,
    )


def main() -> None:
    """Run until asked to end."""
    os.umask(0o077)
    chosen = arguments()
    asyncio.run(_run(chosen))


async def _run(chosen: Arguments) -> None:
    await SUPPLIERS[chosen.name](chosen)


if __name__ == "__main__":
    main()
