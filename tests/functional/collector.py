"""A collector of OpenTelemetry's on a real socket: what it was sent, by OTLP over HTTP."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What came. ``raw`` is every byte of it, headers included."""

    url: str
    spans: list[Span] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def named(self, name: str) -> list[Span]:
        """The spans of a name."""
        return [span for span in self.spans if span.name == name]

    def said(self, span: Span) -> dict[str, str]:
        """What a span says, as text."""
        return {one.key: _text(one.value) for one in span.attributes}

    def trace(self, trace_id: bytes) -> dict[str, set[str]]:
        """Of one trace the names of spans, each with those that stand in it."""
        these = [span for span in self.spans if span.trace_id == trace_id]
        by_id = {span.span_id: span.name for span in these}
        found: dict[str, set[str]] = {}
        for span in these:
            found.setdefault(by_id.get(span.parent_span_id, ""), set()).add(span.name)
        return found


def _text(value: object) -> str:
    kind = value.WhichOneof("value")  # type: ignore[attr-defined]
    return str(getattr(value, kind))


@contextmanager
def collecting() -> Iterator[Collector]:
    """One, while it listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            made.raw.append(str(self.headers).encode() + body)
            made.tokens.add(self.headers.get("authorization", ""))
            sent = ExportTraceServiceRequest.FromString(body)
            for resource in sent.resource_spans:
                for scope in resource.scope_spans:
                    made.spans += scope.spans
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Collector(f"http://127.0.0.1:{server.server_port}/v1/traces")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
