"""Several processes over one PostgreSQL, and one that has just begun."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx

from bench.deployment import fill, make_deployment, sending_feeds, serving
from bench.processes import peak_megabytes, process, processor_seconds, tree, wait_for
from bench.report import Line, at_least, below
from bench.served import RESOURCES, folder, free_port


def two_processes(database_url: str, *, seconds: float, rounds: int) -> list[Line]:
    """``$everything`` of two processes at once, each asked over connections of its own."""
    with folder() as home, ExitStack() as stack:
        deployment = make_deployment(home / "home", sending_feeds(), database_url)
        asyncio.run(fill(deployment, RESOURCES))
        server = stack.enter_context(serving(deployment))
        port, log = free_port(), home / "second.log"
        more = ["-m", "scr", "--home", str(deployment.home), "serve", "--no-intake", "--http-port", str(port)]
        second = stack.enter_context(process(more, log))
        path = f"/fhir/Patient/{server.patient_id()}/$everything"
        wait_for(f"http://127.0.0.1:{port}/fhir/metadata", second, log)
        urls = [f"{server.base_url}{path.removeprefix('/fhir')}", f"http://127.0.0.1:{port}{path}"]
        headers = {"Authorization": server.authorization}
        best = max(_together(urls, headers, seconds) for _ in range(rounds))
    return [at_least(f"$everything, {RESOURCES} held resources, two processes, PostgreSQL", best, 400, "/s")]


def _together(urls: Sequence[str], headers: dict[str, str], seconds: float) -> float:
    """What they answer in a second, all together."""
    running = []
    for url in urls:
        asked = {"url": url, "headers": headers, "connections": 16, "seconds": seconds}
        one = subprocess.Popen(
            [sys.executable, "-m", "bench.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        running.append((one, json.dumps(asked).encode()))
    for one, given in running:
        if one.stdin is None:
            raise RuntimeError("a pipe was asked for")
        one.stdin.write(given)
        one.stdin.close()
        one.stdin = None
    return sum(float(json.loads(one.communicate()[0])["rate"]) for one, _ in running)


def begun(rounds: int) -> list[Line]:
    """How long ``scr serve`` takes until it is ready, the quickest of some; and what it holds, idle.

    Its modules are compiled, as those of an installed wheel are.
    """
    taken, spent = [], []
    with folder() as home:
        deployment = make_deployment(home / "home", sending_feeds())
        command = ["-m", "scr", "--home", str(deployment.home), "serve"]
        compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        compiled["PYTHONPYCACHEPREFIX"] = str(home / "compiled")
        with process(command, home / "first.log", compiled) as running:
            _until_ready(deployment.ports.http, running, home / "first.log")  # which made its tables as well
        for number in range(rounds):
            log = home / f"begun{number}.log"
            started = time.monotonic()
            with process(command, log, compiled) as running:
                _until_ready(deployment.ports.http, running, log)
                taken.append(time.monotonic() - started)
                spent.append(processor_seconds(running.pid))
                time.sleep(1)
                most = max(_held(one) for one in tree(running.pid))
                together = peak_megabytes(running.pid)[1]
    return [
        below("`scr serve`, until it is ready", min(taken), 2, "s", inclusive=True),
        Line("`scr serve`, until it is ready: processor time", f"{min(spent):.1f} s"),
        below("Memory of an idle process, the largest", most, 150, "MB", inclusive=True),
        Line("Memory of all idle processes of `scr serve`", f"{together:.0f} MB"),
    ]


def _until_ready(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + 120
    with httpx.Client(trust_env=False, timeout=2) as client:
        while time.monotonic() < limit and running.poll() is None:
            try:
                if client.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                    if len(tree(running.pid)) < 2:
                        raise RuntimeError(f"somebody else answers at port {port}: measure again")
                    return
            except httpx.HTTPError:
                time.sleep(0.01)
    raise RuntimeError(f"it does not begin:\n{log.read_text(errors='replace')[-2000:]}")


def _held(pid: int) -> float:
    """Megabytes of memory that a process holds, with its part of what it shares."""
    found = Path(f"/proc/{pid}/smaps_rollup").read_text().split()
    return int(found[found.index("Pss:") + 1]) * 1.024e-3
