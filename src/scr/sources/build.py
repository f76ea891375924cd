"""The live sources of a deployment, from its providers' files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import version

import httpx

from scr.breaker import Breaker
from scr.errors import Invalid
from scr.fhir.identifiers import OdsCode
from scr.identity.matching import Matching, shipped_matching
from scr.mapping.adapter import Adapter
from scr.mapping.meaning import Step
from scr.mapping.provider import Feed, FhirR4Connection, GpConnectConnection, Provider
from scr.settings import Settings
from scr.sources.access import AccessTokens
from scr.sources.asking import Limits, source_breaker
from scr.sources.backend_services import BackendClient, Signer
from scr.sources.fhir_rest import FhirRestSource
from scr.sources.gpconnect import GpConnectSource
from scr.sources.neighbour import Admission, Origin
from scr.sources.nrl import NrlSource
from scr.sources.pipeline import Reader, Reading
from scr.sources.protocol import Source
from scr.sources.recent import RecentReadings
from scr.sources.requester import Requester
from scr.store.gaps import GapTally
from scr.store.losses import LossTally
from scr.store.watch import FeedWatch


def build_sources(
    providers: Mapping[OdsCode, Provider],
    adapters: Mapping[str, Adapter],
    client: httpx.AsyncClient,
    settings: Settings,
    *,
    id_key: bytes,
    clock: Callable[[], int],
    losses: LossTally | None = None,
    steps: tuple[Step, ...] = (),
    matching: Matching | None = None,
    gaps: GapTally | None = None,
    watch: FeedWatch | None = None,
    readings: RecentReadings[Reading] | None = None,
    breakers: dict[OdsCode, Breaker] | None = None,
) -> dict[OdsCode, Source]:
    """A source for each provider that is asked live.

    ``id_key`` is the key of opaque ids, ``clock`` gives milliseconds UTC, ``losses`` counts what is not
    carried, ``gaps`` the codes without a translation, ``steps`` add codings and labels, ``matching`` is the
    policy of whose an answer is, ``watch`` notices where an answer departs from those before, ``readings``
    are those of a moment ago, ``breakers`` is filled with each source's. Raises Invalid where a feed names an
    adapter that is not there, or a provider is to be asked in two ways.
    """
    reader = partial(
        Reader,
        id_key=id_key,
        clock=clock,
        losses=losses or LossTally(),
        steps=steps,
        matching=matching or shipped_matching(),
        gaps=gaps or GapTally(),
        watch=watch,
        readings=readings,
    )
    sources: dict[OdsCode, Source] = {}
    for provider in providers.values():
        for feed in provider.feeds:
            limits = _limits(feed, settings)
            if limits is None:
                continue
            source = _source(provider, feed, adapters, client, settings, reader, limits)
            if provider.ods in sources:
                raise _wrong(provider, feed, "the provider is asked live by another feed already: keep one")
            sources[provider.ods] = source
            if breakers is not None:
                breakers[provider.ods] = limits.breaker
    return sources


def _limits(feed: Feed, settings: Settings) -> Limits | None:
    """What a feed that is asked live may cost; None for one that sends."""
    connection = feed.connection
    if not isinstance(connection, GpConnectConnection | FhirR4Connection):
        return None
    return Limits(
        timeout_seconds=connection.timeout_seconds,
        attempts=connection.attempts,
        slots=asyncio.Semaphore(connection.concurrency),
        max_bytes=settings.max_payload_bytes,
        patience_seconds=0.8 * min(connection.timeout_seconds, settings.deadline_seconds),
        breaker=source_breaker(connection.timeout_seconds),
    )


def _source(
    provider: Provider,
    feed: Feed,
    adapters: Mapping[str, Adapter],
    client: httpx.AsyncClient,
    settings: Settings,
    read_by: Callable[..., Reader],
    limits: Limits,
) -> Source:
    connection = feed.connection
    assert isinstance(connection, GpConnectConnection | FhirR4Connection)
    if feed.adapter not in adapters:
        raise _wrong(provider, feed, f"there is no adapter {feed.adapter!r}")
    reader = read_by(provider.ods, provider.name, adapters[feed.adapter], feed=feed.name)
    if isinstance(connection, GpConnectConnection):
        return GpConnectSource(connection, reader, client, limits, settings.base_url, version("scr"))
    token = partial(_token, settings, connection.token)
    if connection.neighbour:
        reader = replace(reader, steps=(*reader.steps, Origin(connection.url.rstrip("/"))))
    admission = _admission(connection, client, settings)
    server = FhirRestSource(connection, reader, client, limits, token, admission)
    return NrlSource(server) if connection.pointers else server


def _admission(
    connection: FhirR4Connection, client: httpx.AsyncClient, settings: Settings
) -> Admission | None:
    """How a server lets us in under our key. Raises Invalid where that is not there, or none."""
    known_as = connection.backend_services
    if known_as is None:
        return None
    base = connection.url.rstrip("/")
    signer = Signer(partial(settings.secret, known_as.key), known_as.key_id)
    signer.sign({})  # a key that cannot sign is told now, and not by a question
    tokens = AccessTokens(client, BackendClient(base, known_as, signer), time.time)
    issuer = f"{settings.base_url}/auth"
    requester = Requester(issuer, base, signer, time.time) if connection.neighbour else None
    return Admission(tokens, requester, settings.base_url)


def _token(settings: Settings, reference: str) -> str:
    """The bearer token, read anew for each question, so that a changed one is taken up."""
    return settings.secret(reference).decode("ascii", "replace") if reference else ""


def _wrong(provider: Provider, feed: Feed, what: str) -> Invalid:
    return Invalid(what, code="bad-feed", where=f"provider {provider.ods}, feed {feed.name!r}")
