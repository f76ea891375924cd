"""The gates that check themselves: a report of what was looked at, and whether it is enough."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from scr.consent.actor import Actor
from scr.data import DataFiles
from scr.errors import ScrError
from scr.fhir.dates import instant_text
from scr.fhir.identifiers import NHSNumber, OdsCode
from scr.mapping.adapter import load_adapter
from scr.mapping.check import check_adapters
from scr.mapping.provider import Feed, FhirR4Connection, MeshConnection, Provider, load_providers
from scr.settings import Settings
from scr.sources.protocol import Outcome, Question, Source
from scr.store.engine import Database
from scr.store.keys import random_id
from scr.store.onboarding import last_message

NOBODY = NHSNumber("9990000018")
"""Whom a live source is asked about: a number of the series that is never issued, so nobody."""

_SILENT = frozenset({Outcome.DOWN, Outcome.LATE, Outcome.NOT_ASKED})
_UNKNOWN_PERSON = frozenset({"patient-not-found", "no-record-found"})
"""A source that says that it does not know the person has answered."""

_TOLD = 40
"""Lines of a report: more would hide what matters."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found. ``lines`` hold places, names and counts, and nobody's data."""

    passed: bool
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The report as it is kept with the gate."""
        more = len(self.lines) - _TOLD
        shown = self.lines[:_TOLD] + ((f"… and {more} more",) if more > 0 else ())
        return "\n".join(shown)


def check_configured(files: DataFiles, settings: Settings, ods: OdsCode) -> Report:
    """Whether the provider's file, its adapters and its secrets load, as the files are now."""
    try:
        provider = load_providers(files)[ods]
        seen = hashlib.sha256(provider.model_dump_json().encode()).hexdigest()
        lines = [f"provider {ods}: {len(provider.feeds)} feeds, sha256 {seen[:16]}"]
        for name in _adapters(provider):
            adapter = load_adapter(files, name)
            lines.append(f"{_fingerprint(files, name)}, {len(adapter.headings)} headings")
        for feed in provider.feeds:
            for reference in _secrets(feed):
                settings.secret(reference)
                lines.append(f"feed {feed.name}: its secret {reference} is there")
    except ScrError as error:
        return Report(False, (str(error),))
    except KeyError:
        return Report(False, (f"nothing below adapters/providers tells of {ods}",))
    return Report(True, tuple(lines))


def check_samples(files: DataFiles, provider: Provider) -> Report:
    """Whether each of its adapters passes the standard suite (``scr adapters check``)."""
    try:
        found = check_adapters(files, *_adapters(provider))
    except ScrError as error:
        return Report(False, (str(error),))
    lines: list[str] = []
    for one in found:
        lines.append(f"adapter {one.adapter}: {one.samples} samples, {len(one.findings)} findings")
        lines += [f"{finding.check}, {finding.where}: {finding.message}" for finding in one.findings]
    return Report(all(one.passed for one in found), tuple(lines))


async def check_connected(
    database: Database, provider: Provider, source: Source | None, actor: Actor, *, seconds: float
) -> Report:
    """Whether a message was received from the provider, or its live source answers a question now.

    The source is asked about nobody (``NOBODY``): that it knows no such person is an answer.
    """
    lines: list[str] = []
    passed = False
    if source is not None:
        answered, line = await _ask(source, actor, seconds)
        passed = answered
        lines.append(line)
    for feed in provider.feeds:
        if feed.connection.kind in ("gpconnect", "fhir-r4"):
            continue
        last = await database.read(lambda conn, name=feed.name: last_message(conn, provider.ods, name))  # type: ignore[misc]
        passed = passed or last is not None
        lines.append(
            f"feed {feed.name}: no message received yet"
            if last is None
            else f"feed {feed.name}: last message received {instant_text(last[0])}, {last[1]}"
        )
    return Report(passed, tuple(lines))


async def _ask(source: Source, actor: Actor, seconds: float) -> tuple[bool, str]:
    deadline = asyncio.get_running_loop().time() + seconds
    trace = random_id()
    result = await source.ask(Question(NOBODY, "probe", "probe", actor, deadline, trace_id=trace))
    answered = result.outcome not in _SILENT or result.code in _UNKNOWN_PERSON
    if not answered:
        return False, f"live source: {result.outcome.value}, {result.code}: {result.detail}"
    said = result.code or result.outcome.value
    return True, f"live source: it answered in {result.elapsed * 1000:.0f} ms ({said})"


def _secrets(feed: Feed) -> tuple[str, ...]:
    """The references to secrets that a feed needs."""
    match feed.connection:
        case FhirR4Connection(token=token) if token:
            return (token,)
        case MeshConnection(password=password, shared_key=shared_key):
            return password, shared_key
    return ()


def _adapters(provider: Provider) -> Iterable[str]:
    return sorted({feed.adapter for feed in provider.feeds})


def _fingerprint(files: DataFiles, adapter: str) -> str:
    """An adapter and the beginning of its file's SHA-256, so that it is known which one was seen."""
    raw = files.find("adapters", f"{adapter}/adapter.yaml").read_bytes()
    return f"adapter {adapter}: sha256 {hashlib.sha256(raw).hexdigest()[:16]}"
