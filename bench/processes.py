"""Processes of a measurement: started, waited for, weighed, and ended whatever happens."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx


@contextmanager
def process(arguments: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process of ``python *arguments``; ended at the end of the block."""
    with log.open("wb") as output:
        running = subprocess.Popen([sys.executable, *arguments], stdout=output, stderr=subprocess.STDOUT)
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(15)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def wait_for(url: str, running: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    """Wait until an address answers. Raises RuntimeError with the end of the log if it does not."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit and running.poll() is None:
        try:
            if httpx.get(url, trust_env=False, timeout=2).status_code < 500:
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
    """The largest process below ``pid`` (itself included), and all together: peak resident size (VmHWM).

    Pages that processes share are counted in each.
    """
    peaks = [peak for one in _tree(pid) if (peak := _peak(one))]
    return max(peaks) / 1000, sum(peaks) / 1000


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found.extend(int(child) for child in children.read_text().split())
            except OSError:
                continue
    return found


def _peak(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1.024 for line in lines if line.startswith("VmHWM")), 0)
