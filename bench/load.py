"""``python -m bench.load``: requests over kept connections, from one thread that does nothing else.

Reads ``{"url", "headers", "connections", "seconds"}`` as JSON; prints requests a second, the 50th and 99th
percentile in milliseconds, and the bytes of a body. Plain sockets: a client that parsed what it is sent
would take the processor from the server that it measures.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_BUFFER = 1 << 20


@dataclass(slots=True)
class _Connection:
    """One connection: how much of the current answer is still to come, and when it was asked for."""

    socket: socket.socket
    started: float = 0.0
    head: bytearray = field(default_factory=bytearray)
    missing: int = 0
    body: int = 0


def main() -> None:
    """Send requests for so many seconds, and print what came of it."""
    asked = json.load(sys.stdin)
    print(json.dumps(measure(asked["url"], asked["headers"], asked["connections"], asked["seconds"])))


def measure(url: str, headers: dict[str, str], connections: int, seconds: float) -> dict[str, float]:
    """Requests over ``connections`` connections at once, each sending its next when its last is answered."""
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 80)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", *(f"{k}: {v}" for k, v in headers.items())]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = _Connection(socket.create_connection(address))
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.started = time.perf_counter()
        connection.socket.sendall(request)
    buffer = memoryview(bytearray(_BUFFER))
    times: list[float] = []
    began = time.perf_counter()
    size = 0
    while not times or time.perf_counter() - began < seconds:
        for key, _ in selector.select(1.0):
            found: _Connection = key.data
            if _receive(found, buffer):
                now = time.perf_counter()
                times.append(now - found.started)
                size = found.body
                found.started = now
                found.socket.sendall(request)
    elapsed = time.perf_counter() - began
    times.sort()
    return {
        "count": len(times),
        "rate": len(times) / elapsed,
        "p50": times[len(times) // 2] * 1000,
        "p99": times[len(times) * 99 // 100] * 1000,
        "bytes": size,
    }


def _receive(connection: _Connection, buffer: memoryview) -> bool:
    """Take what came; whether the answer is whole now. Raises RuntimeError for any other than 200."""
    got = connection.socket.recv_into(buffer)
    if not got:
        raise RuntimeError("the server closed the connection")
    if connection.missing:
        connection.missing -= got
        return not connection.missing
    connection.head += buffer[:got]
    end = connection.head.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = bytes(connection.head[:end]).lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(head[:60].decode("latin-1"))
    connection.body = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    connection.missing = connection.body - (len(connection.head) - end - 4)
    connection.head.clear()
    return not connection.missing


if __name__ == "__main__":
    main()
