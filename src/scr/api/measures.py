"""What a process tells Prometheus: its sources, its requests, and the deployment's counts.

No label is anything of a person's: sources, feeds and adapters by their names, requests by the template of
their address (never the address), outcomes and reasons by their codes. What is in the database is counted for
a question and remembered for a moment: every process tells the same of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from scr.breaker import Breaker, BreakerState
from scr.errors import ScrError
from scr.fhir.identifiers import OdsCode
from scr.mapping.provider import Provider
from scr.sources.protocol import SourceResult
from scr.store.engine import Database
from scr.store.feeds import FeedCounts
from scr.store.measured import Measured, measure

_REMEMBERED_SECONDS = 15.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

Rows = Iterable[tuple[tuple[str, ...], float]]


class Measures:
    """What one process counts; a registry of its own. ``now`` gives ms UTC, ``clock`` seconds."""

    def __init__(
        self,
        database: Database,
        providers: Mapping[OdsCode, Provider],
        now: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.breakers: dict[OdsCode, Breaker] = {}
        self._database, self._now, self._clock = database, now, clock
        self._adapters = {(p.ods, feed.name): feed.adapter for p in providers.values() for feed in p.feeds}
        self._registry = registry = CollectorRegistry()
        self._held: Measured | None = None
        self._feeds = FeedCounts()
        self._until = float("-inf")
        self._source_seconds = Histogram(
            "scr_source_seconds", "Time that a live source took, by outcome.", ("source", "outcome"),
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._source_age = Gauge(
            "scr_source_answer_age_seconds", "Age of what the last answer of a live source was made of.",
            ("source",), registry=registry,
        )  # fmt: skip
        self._http = Counter(
            "scr_http_requests", "Requests, by the template of their address.", ("method", "route", "status"),
            registry=registry,
        )  # fmt: skip
        self._http_seconds = Histogram(
            "scr_http_request_seconds", "Time until the last byte of an answer.", ("route",),
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        registry.register(_Counts(self))

    def heard(self, result: SourceResult) -> None:
        """A live source answered, or did not."""
        source = result.source.value
        self._source_seconds.labels(source, result.outcome.value).observe(result.elapsed)
        self._source_age.labels(source).set(result.age)

    def served(self, method: str, template: str, status: int, seconds: float) -> None:
        """A request was answered; ``template`` is empty where no route was."""
        route = template or "none"
        self._http.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._http_seconds.labels(route).observe(seconds)

    async def exposition(self) -> bytes:
        """All of it, as Prometheus reads it. Without the database's part where that is down."""
        if self._clock() >= self._until:
            try:
                now = self._now()
                self._held = await self._database.read(
                    lambda connection: measure(connection, now, self._feeds)
                )
            except ScrError:
                self._held = None
            self._until = self._clock() + _REMEMBERED_SECONDS
        return generate_latest(self._registry)

    def families(self) -> Iterator[GaugeMetricFamily]:
        """What is looked up, and not counted as it happens."""
        states = [
            ((ods.value, state.value), float(breaker.state is state))
            for ods, breaker in self.breakers.items()
            for state in BreakerState
        ]
        yield _family("source_breaker", "Which state a source's breaker is in.", ("source", "state"), states)
        up = [((), float(self._held is not None))]
        yield _family("database_up", "Whether the database was read for these figures.", (), up)
        if self._held is not None:
            yield from self._of_database(self._held)

    def _of_database(self, held: Measured) -> Iterator[GaugeMetricFamily]:
        feeds = [
            ((f.provider.value, f.feed, self._adapters.get((f.provider, f.feed), "")), f) for f in held.feeds
        ]
        yield _family(
            "messages", "Messages kept, by what came of them.", ("provider", "feed", "adapter", "state"),
            [((*names, state.value), count) for names, f in feeds for state, count in f.counts.items()],
        )  # fmt: skip
        yield _family(
            "feed_age_seconds", "Time since a feed last sent.", ("provider", "feed", "adapter"),
            [(names, max(self._now() - f.last_received, 0) / 1000) for names, f in feeds],
        )  # fmt: skip
        adapter = ("provider", "adapter")
        yield _family(
            "quarantine_open", "Parts in quarantine, by reason.", (*adapter, "code"), held.quarantine.items()
        )
        yield _family(
            "coverage_ratio", "Share of today's fields that are mapped or left out on purpose.", adapter,
            [((day.provider.value, day.adapter), day.fields.share) for day in held.coverage],
        )  # fmt: skip
        yield _family(
            "counted_today", "What was carried and lost today.", (*adapter, "kind"), held.losses.items()
        )
        gaps = [((provider,), count) for provider, count in held.gaps.items()]
        yield _family("code_gaps", "Codes met without a translation.", ("provider",), gaps)
        yield _family("audit_unsealed_rows", "Rows of the audit under no seal.", (), [((), held.unsealed)])
        since = held.unsealed_since
        waited = 0.0 if since is None else max(self._now() - since, 0) / 1000
        yield _family("audit_unsealed_seconds", "How long the oldest of them has waited.", (), [((), waited)])


class _Counts(Collector):
    def __init__(self, measures: Measures) -> None:
        self._measures = measures

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return self._measures.families()


def _family(name: str, text: str, labels: tuple[str, ...], rows: Rows) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"scr_{name}", text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family
