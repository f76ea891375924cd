"""The register of providers in the store: where each stands, and the next event written down."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection

from scr.data import DataFiles
from scr.fhir.identifiers import OdsCode
from scr.mapping.provider import load_providers
from scr.onboarding.gates import GATES, Evidence, State, promote, state_of, undo
from scr.settings import load
from scr.store.engine import Database
from scr.store.migrations import migrate
from scr.store.onboarding import Event, Stage, append_event, events


def states(connection: Connection, providers: Iterable[OdsCode]) -> dict[OdsCode, State]:
    """Where each of these providers stands, and any other that the register knows, by code."""
    histories: dict[OdsCode, list[Event]] = {ods: [] for ods in providers}
    for event in events(connection):
        histories.setdefault(event.provider, []).append(event)
    return {ods: state_of(ods, history) for ods, history in sorted(histories.items())}


def write_promotion(
    connection: Connection, provider: OdsCode, evidence: Evidence, now: int, *, actor: str
) -> Event:
    """Take a provider through its next gate. Raises Conflict where that is another one by now."""
    event = promote(state_of(provider, events(connection, provider)), evidence, now, actor=actor)
    append_event(connection, event)
    return event


def write_undoing(
    connection: Connection,
    provider: OdsCode,
    reason: str,
    by: str,
    now: int,
    *,
    actor: str,
    gate: Stage | None = None,
) -> Event:
    """Undo a gate of a provider. Raises Conflict where it is not passed."""
    event = undo(state_of(provider, events(connection, provider)), reason, by, now, gate=gate, actor=actor)
    append_event(connection, event)
    return event


def declare_live(
    connection: Connection, providers: Iterable[OdsCode], *, by: str, evidence: str, now: int
) -> int:
    """Take providers through all of their gates at once, with one evidence; how many were not live before.

    For a stage set: a demonstration, a measurement, a test. It checks nothing.
    """
    changed = 0
    wanted = frozenset(providers)
    for ods, state in states(connection, wanted).items():
        if ods not in wanted:
            continue
        for gate in GATES[state.gates_passed :]:
            testers = frozenset({by}) if gate.stage is Stage.LIVE_FOR_TESTERS else frozenset()
            told = Evidence(gate.stage, by, reference=evidence, testers=testers)
            write_promotion(connection, ods, told, now, actor=by)
        changed += state.stage is not Stage.LIVE
    return changed


def declare_home_live(home: Path, *, by: str, evidence: str, now: int) -> int:
    """``declare_live`` for every provider of a deployment's folder, whose database is made if need be."""
    settings = load({"home": home}).settings
    database = Database.open(settings.resolved_database_url, settings.writers)
    try:
        migrate(database)
        providers = load_providers(DataFiles(home))
        return database.write_now(
            lambda conn: declare_live(conn, providers, by=by, evidence=evidence, now=now)
        )
    finally:
        database.close()
