"""Where the parts are put together: one deployment's settings, store, sources, broker and intake.

Nothing else builds a client, an engine or a clock.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from scr.api.configuration import read_configuration as read_configuration
from scr.api.opening import REFRESH_SECONDS
from scr.api.opening import now_ms as now_ms
from scr.api.opening import open_database as open_database
from scr.api.opening import open_keys as open_keys
from scr.broker.query import Broker
from scr.consent.labels import Labeller
from scr.consent.policy import Policy
from scr.data import DataFiles
from scr.fhir.identifiers import OdsCode
from scr.identity.matching import load_matching
from scr.identity.pds.build import open_pds
from scr.identity.pds.checks import NumberChecks
from scr.identity.pds.client import PdsClient
from scr.identity.pds.refresh import Refresh, running
from scr.identity.resolve import Resolver
from scr.intake.ahead.helper import Helpers
from scr.intake.checking import RegisterDesk
from scr.intake.file_unit import Desk
from scr.intake.receive import Intake
from scr.intake.review import Review
from scr.mapping.adapter import Adapter
from scr.mapping.claims import ProfileClaims
from scr.mapping.meaning import Step
from scr.mapping.provider import Provider
from scr.mapping.uk_core import load_requirements
from scr.onboarding.programme import Programme
from scr.settings import Settings
from scr.sources.build import build_sources
from scr.sources.heard import heard_by
from scr.sources.held import HeldSources
from scr.sources.http import open_client
from scr.sources.kept import Copies, keeping
from scr.sources.lifting import lifting
from scr.sources.otherwise import Tellings, telling
from scr.sources.pipeline import Reading
from scr.sources.recent import RecentReadings
from scr.store.engine import Database
from scr.store.gaps import GapTally
from scr.store.keys import KeyRing
from scr.store.losses import LossTally, flushed
from scr.store.recent import RecentRecords
from scr.terminology.coding import Coder, open_coder
from scr.terminology.conceptmap import ConceptMaps
from scr.terminology.profiles import load_profiles

if TYPE_CHECKING:
    from scr.api.measures import Measures

_DAY = 24 * 3600 * 1000
_COPIES_SECONDS = 2.0
"""Seconds between two writings of what live sources told."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a face needs, opened."""

    settings: Settings
    files: DataFiles
    policy: Policy
    providers: dict[OdsCode, Provider]
    adapters: dict[str, Adapter]
    database: Database
    keys: KeyRing
    client: httpx.AsyncClient
    broker: Broker
    intake: Intake
    recent: RecentRecords
    readings: RecentReadings[Reading]
    programme: Programme
    review: Review
    pds: PdsClient | None
    coder: Coder
    steps: tuple[Step, ...]
    measures: Measures | None = None


@asynccontextmanager
async def refreshed(keys: KeyRing) -> AsyncIterator[None]:
    """Take up new encryption keys while everything goes on (``store/rewrap``)."""

    async def refresh() -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            keys.refresh()

    task = asyncio.create_task(refresh())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def open_services(
    settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Services]:
    """Open a deployment, and close it again. ``transport`` stands in for the network in tests.

    Raises Invalid with file and line where the configuration is wrong, before anything is served.
    """
    files = DataFiles(settings.home)
    policy, adapters, providers = read_configuration(files)
    maps, matching = ConceptMaps.load(files), load_matching(files)
    keys = open_keys(settings)
    database = open_database(settings)
    losses, gaps = LossTally(), GapTally()
    coder = open_coder(files, maps)
    labeller = Labeller(policy.labels, lambda: coder.release)
    claims = ProfileClaims(load_requirements(files), load_profiles(settings.home))
    steps: tuple[Step, ...] = (coder, labeller, claims)
    try:
        async with open_client(transport) as client, flushed(losses, database), AsyncExitStack() as stack:
            await stack.enter_async_context(refreshed(keys))
            pds = open_pds(settings, client)
            checks = _checks(pds, settings, database, keys)
            register = RegisterDesk(checks)
            sends = bool(settings.alert_webhook or settings.alert_folder)
            desk = Desk(keys, maps, steps, matching, labels=policy.labels, sends=sends)
            refresh = None if checks is None else Refresh(checks, Resolver(keys, matching), database, now_ms)
            await stack.enter_async_context(running(refresh))
            helpers = Helpers.of(files, keys.id_key, adapters)
            intake = Intake(database, keys, desk, adapters, providers, now_ms, register, helpers)
            await stack.enter_async_context(flushed(intake.drift, database))
            await stack.enter_async_context(flushed(gaps, database))
            read_by = ReadBy(files, policy, coder)
            readings: RecentReadings[Reading] = RecentReadings(read_by)
            measures = _measures(settings, database, providers)
            pulls = build_sources(
                providers,
                adapters,
                client,
                settings,
                id_key=keys.id_key,
                clock=now_ms,
                losses=losses,
                steps=steps,
                matching=matching,
                gaps=gaps,
                watch=intake.drift,
                readings=readings,
                breakers=None if measures is None else measures.breakers,
            )
            copies = Copies(
                database,
                keys,
                now_ms,
                fresh=settings.pulled_fresh_seconds,
                stale=settings.pulled_stale_hours * 3600,
                matching=matching,
            )
            await stack.enter_async_context(flushed(copies, database, _COPIES_SECONDS))
            tellings = Tellings(keys, matching, now_ms)
            await stack.enter_async_context(flushed(tellings, database, _COPIES_SECONDS))
            told = telling(pulls, tellings)
            kept = lifting(keeping(told, providers, copies, read_by), policy.labels)
            heard = heard_by(kept, None if measures is None else measures.heard)
            recent = RecentRecords()
            held = HeldSources(database, keys, adapters, now_ms, recent)
            deadline, longest = settings.deadline_seconds, settings.longest_wait_seconds
            yield Services(
                settings=settings,
                files=files,
                policy=policy,
                providers=providers,
                adapters=adapters,
                database=database,
                keys=keys,
                client=client,
                broker=Broker(
                    database,
                    keys,
                    providers,
                    heard,
                    held,
                    deadline=deadline,
                    clock=now_ms,
                    refresh=refresh,
                    longest=longest,
                ),
                intake=intake,
                recent=recent,
                readings=readings,
                programme=Programme(database, files, settings, providers, pulls, now_ms),
                review=Review(database, keys, adapters, intake, now_ms, matching),
                pds=pds,
                coder=coder,
                steps=steps,
                measures=measures,
            )
    finally:
        database.close()


class ReadBy:
    """Names the configuration by which what a live source told is read and labelled."""

    def __init__(self, files: DataFiles, policy: Policy, coder: Coder) -> None:
        self._files, self._policy, self._coder = files, policy, coder
        self._adapters: dict[str, str] = {}
        self._until, self._coded = 0.0, ""

    def __call__(self, adapter: str) -> str:
        """For an adapter: its file, the policy, and the codes in force as of a second ago."""
        if adapter not in self._adapters:
            raw = self._files.find("adapters", f"{adapter}/adapter.yaml").read_bytes()
            self._adapters[adapter] = hashlib.sha256(raw).hexdigest()[:16]
        if time.monotonic() > self._until:
            self._until, self._coded = time.monotonic() + 1.0, self._coder.fingerprint
        return f"{self._adapters[adapter]}/{self._policy.hash}/{self._coded}"


def _checks(
    pds: PdsClient | None, settings: Settings, database: Database, keys: KeyRing
) -> NumberChecks | None:
    """What is asked of PDS before anything is filed; nothing where it is not connected."""
    if pds is None:
        return None
    return NumberChecks(pds, database, keys, now_ms, settings.pds_check_days * _DAY)


def _measures(
    settings: Settings, database: Database, providers: Mapping[OdsCode, Provider]
) -> Measures | None:
    """What is measured of this process; nothing where nobody asks."""
    if not settings.metrics_port:
        return None
    from scr.api.measures import Measures  # loading it takes time, which few processes need

    return Measures(database, providers, now_ms)
