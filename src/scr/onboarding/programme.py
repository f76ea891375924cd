"""The onboarding programme: every provider with where it stands, and the two things that are done to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from scr.consent.actor import Actor
from scr.data import DataFiles
from scr.errors import NotFound, Unprocessable
from scr.fhir.identifiers import OdsCode
from scr.mapping.provider import Provider
from scr.onboarding.checks import Report, check_configured, check_connected, check_samples
from scr.onboarding.gates import Clock, Evidence, State, clock, local_day, promote, state_of
from scr.onboarding.register import declare_live, states, write_promotion, write_undoing
from scr.settings import Settings
from scr.sources.protocol import Source
from scr.store.engine import Database
from scr.store.onboarding import Event, Stage, events

CHECKED = "checked by scr"
_PROBE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Standing:
    """One provider: who it is, where it stands, and how much of its time is left.

    ``clock`` is None where its file tells no go-live. ``history`` is filled for one provider at a time.
    """

    ods: OdsCode
    name: str
    organisation_type: str
    state: State
    clock: Clock | None
    history: tuple[Event, ...] = ()


def pressing(standing: Standing) -> tuple[bool, date, str]:
    """To sort by: those that are not live first, by their deadline; those without one after the others."""
    deadline = standing.clock.deadline if standing.clock else date.max
    return standing.state.stage is Stage.LIVE, deadline, standing.name


class Programme:
    """Where the providers stand, and what takes them on."""

    def __init__(
        self,
        database: Database,
        files: DataFiles,
        settings: Settings,
        providers: Mapping[OdsCode, Provider],
        sources: Mapping[OdsCode, Source],
        now: Callable[[], int],
    ) -> None:
        """``sources`` are the providers that are asked live; ``now`` gives milliseconds UTC."""
        self._database = database
        self._files = files
        self._settings = settings
        self._providers = providers
        self._sources = sources
        self._now = now

    async def overview(self) -> list[Standing]:
        """Every provider that has a file, and every other that the register knows, by code."""
        found = await self._database.read(lambda conn: states(conn, self._providers))
        return [self._standing(state) for state in found.values()]

    async def show(self, ods: OdsCode) -> Standing:
        """One provider, with its history. Raises NotFound."""
        history = await self._database.read(lambda conn: events(conn, ods))
        if ods not in self._providers and not history:
            raise NotFound(f"there is no provider {ods}", code="no-provider")
        return self._standing(state_of(ods, history), history)

    async def promote(self, ods: OdsCode, evidence: Evidence, actor: Actor) -> Standing:
        """Take a provider through its next gate; a gate that checks itself is checked now.

        Raises NotFound; Conflict where another gate is the next; Unprocessable with the report of a check
        that did not pass; Invalid for evidence that does not do.
        """
        provider = self._providers.get(ods)
        if provider is None:
            raise NotFound(f"nothing below adapters/providers tells of {ods}", code="no-provider")
        standing = await self.show(ods)
        gate = standing.state.next_gate
        if gate is not None and gate.stage is evidence.gate and gate.checks_itself:
            report = await self.check(provider, gate.stage, actor)
            if not report.passed:
                raise Unprocessable(
                    f"{ods} does not pass the gate {gate.stage.value!r}: {report.text}",
                    code="gate-not-passed",
                )
            reference = evidence.reference or CHECKED
            evidence = replace(evidence, reference=reference, report=report.text, digest="")
        promote(standing.state, evidence, self._now())  # what is wrong is told before anything is written
        await self._database.write(
            lambda conn: write_promotion(conn, ods, evidence, self._now(), actor=actor.subject)
        )
        return await self.show(ods)

    async def undo(
        self, ods: OdsCode, reason: str, by: str, actor: Actor, *, gate: Stage | None = None
    ) -> Standing:
        """Undo a gate, the last one if none is named, and those that stand on it; at once for every answer.

        Raises NotFound, Conflict where it is not passed, Invalid without a reason.
        """
        await self.show(ods)
        await self._database.write(
            lambda conn: write_undoing(conn, ods, reason, by, self._now(), actor=actor.subject, gate=gate)
        )
        return await self.show(ods)

    async def declare_live(self, by: str, evidence: str) -> int:
        """Take every provider through all gates unchecked, for a stage set; how many were not live."""
        return await self._database.write(
            lambda conn: declare_live(conn, self._providers, by=by, evidence=evidence, now=self._now())
        )

    async def check(self, provider: Provider, gate: Stage, actor: Actor) -> Report:
        """What a gate that checks itself finds now."""
        if gate is Stage.CONFIGURED:
            return await asyncio.to_thread(check_configured, self._files, self._settings, provider.ods)
        if gate is Stage.SAMPLES_PASSED:
            return await asyncio.to_thread(check_samples, self._files, provider)
        source = self._sources.get(provider.ods)
        return await check_connected(self._database, provider, source, actor, seconds=_PROBE_SECONDS)

    def _standing(self, state: State, history: Sequence[Event] = ()) -> Standing:
        provider = self._providers.get(state.provider)
        return Standing(
            ods=state.provider,
            name=provider.name if provider else "no file",
            organisation_type=provider.organisation_type if provider else "",
            state=state,
            clock=self._clock(provider, state),
            history=tuple(history),
        )

    def _clock(self, provider: Provider | None, state: State) -> Clock | None:
        if provider is None or provider.go_live is None:
            return None
        return clock(provider.go_live, self.today(), state.live_on)

    def today(self) -> date:
        """The day in London."""
        return local_day(self._now())
