"""Processes of a measurement: started, waited for, weighed, and ended whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx


@contextmanager
def process(
    arguments: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process of ``python *arguments``; ended at the end of the block."""
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, *arguments], stdout=output, stderr=subprocess.STDOUT, env=environment
        )
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(15)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def wait_for(url: str, running: subprocess.Popen[bytes], log: Path, seconds: float = 300) -> None:
    """Wait until an address answers. Raises RuntimeError with the end of the log if it does not."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit and running.poll() is None:
        try:
            if httpx.get(url, trust_env=False, timeout=30).status_code < 500:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer:\n{log.read_text(errors='replace')[-2000:]}")


def run_json(arguments: Sequence[str], given: object = None) -> dict[str, float]:
    """Run ``python *arguments`` to its end with JSON on its standard input; the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, *arguments], input=json.dumps(given).encode(), stdout=subprocess.PIPE, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def peak_megabytes(pid: int) -> tuple[float, float]:
    """Of a server's processes: the peak of the largest (VmHWM), and what all of them hold now (Pss).

    A page that several processes share counts once in the second, as a part in each.
    """
    whole = tree(pid)
    peak = max(_kilobytes(one, "status", "VmHWM") for one in whole)
    return peak * 1.024e-3, sum(_kilobytes(one, "smaps_rollup", "Pss") for one in whole) * 1.024e-3


def processor_seconds(pid: int) -> float:
    """Processor time that a process and those below it have used so far, in user and in system mode."""
    ticks = 0
    for one in tree(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found.extend(int(child) for child in children.read_text().split())
            except OSError:
                continue
    return found


def _kilobytes(pid: int, file: str, name: str) -> int:
    """A line of ``/proc/PID/FILE``; 0 where the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)
