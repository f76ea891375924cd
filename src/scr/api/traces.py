"""Traces for OpenTelemetry, sent by OTLP over HTTP: off, unless the settings name a collector.

Each request is a span, with what it was busy with in it (``scr.spans``). Of the request it tells the method,
the template of the address and the status, and the correlation id that the log and the audit have; not the
address, no header, no text of a failure. The ``traceparent`` of whoever asks is heard, so that their trace
goes on here; whether it is kept is decided here alone. https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scr import __version__
from scr.api.directory import template_of
from scr.settings import Settings
from scr.spans import Value, first, traceparent

if TYPE_CHECKING:  # it takes a quarter of a second to load, and most deployments have no collector
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_PARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}\Z")
_HEALTH = ("/health/",)
_LONGEST_SECONDS = 10
_QUEUE, _BATCH, _PAUSE_MS = 2_048, 512, 5_000


@dataclass(frozen=True, slots=True)
class _Begun:
    tracer: Tracer
    span: Span

    def within(self, name: str, said: dict[str, Value]) -> _Begun:
        from opentelemetry.trace import set_span_in_context

        made = self.tracer.start_span(
            name, context=set_span_in_context(self.span, _nothing()), attributes=_named(said)
        )
        return _Begun(self.tracer, made)

    def say(self, name: str, value: Value) -> None:
        self.span.set_attribute(f"scr.{name}", value)

    def end(self, *, failed: bool) -> None:
        if failed:
            from opentelemetry.trace import Status, StatusCode

            self.span.set_status(Status(StatusCode.ERROR))
        self.span.end()

    @property
    def traceparent(self) -> str:
        told = self.span.get_span_context()
        return f"00-{told.trace_id:032x}-{told.span_id:016x}-{told.trace_flags:02x}"


class Traces:
    """Where a process's spans go. It is closed with the process, and sends what is left."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self.tracer = provider.get_tracer("scr", __version__)

    def flush(self) -> None:
        """Send what there is now."""
        self._provider.force_flush(_LONGEST_SECONDS * 1_000)

    def close(self) -> None:
        """Send what is left, and nothing after that."""
        self._provider.shutdown()


def open_traces(settings: Settings) -> Traces | None:
    """Those of the settings; None, and nothing loaded, where they name no collector. Raises Invalid."""
    if not settings.traces_url:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    token = settings.traces_token
    headers = {"authorization": f"Bearer {settings.secret(token).decode('ascii')}"} if token else {}
    exporter = OTLPSpanExporter(endpoint=settings.traces_url, headers=headers, timeout=_LONGEST_SECONDS)
    provider = TracerProvider(
        sampler=TraceIdRatioBased(settings.traces_share),
        resource=Resource({"service.name": "scr", "service.version": __version__}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(
        BatchSpanProcessor(exporter, _QUEUE, _PAUSE_MS, _BATCH, _LONGEST_SECONDS * 1_000)
    )
    return Traces(provider)


class Traced:
    """Stands around the application: a span for each request."""

    def __init__(self, app: ASGIApp, traces: Traces) -> None:
        self._app, self._tracer = app, traces.tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] != "http" or scope["path"].startswith(_HEALTH):
            await self._app(scope, receive, send)
            return
        begun = _Begun(self._tracer, self._begin(Request(scope)))

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.span.set_attribute("http.response.status_code", message["status"])
                for name, value in message.get("headers", ()):
                    if name.lower() == b"x-correlation-id":
                        begun.say("correlation", value.decode("latin-1"))
            await send(message)

        with first(begun):
            try:
                await self._app(scope, receive, told)
            finally:
                template = template_of(scope) or "none"
                begun.span.set_attribute("http.route", template)
                begun.span.update_name(f"{_method(scope)} {template}")

    def _begin(self, request: Request) -> Span:
        from opentelemetry.trace import (
            NonRecordingSpan,
            SpanContext,
            SpanKind,
            TraceFlags,
            set_span_in_context,
        )

        context = _nothing()
        # What is asked within a request, as each part of a batch is, stands in it.
        told = _PARENT.match(traceparent() or request.headers.get("traceparent", ""))
        if told is not None:
            theirs = SpanContext(
                int(told[1], 16), int(told[2], 16), is_remote=True, trace_flags=TraceFlags(1)
            )
            context = set_span_in_context(NonRecordingSpan(theirs), context)
        method = {"http.request.method": _method(request.scope)}
        return self._tracer.start_span("request", context=context, kind=SpanKind.SERVER, attributes=method)


def _nothing() -> Context:
    from opentelemetry.context import Context

    return Context()


def _method(scope: Scope) -> str:
    """The method, of those that there are: anybody may send another word."""
    method: str = scope["method"]
    return method if method in _METHODS else "_OTHER"


def _named(said: dict[str, Value]) -> dict[str, Value]:
    return {f"scr.{name}": value for name, value in said.items()}


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"})
