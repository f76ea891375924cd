"""Whom a record locator points at: connected practices are asked as well, and others are told of.

A pointer is an entry like any other: that somebody holds something is told to those only who may see it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from scr.broker.gather import Further
from scr.fhir.entry import Entry
from scr.fhir.identifiers import OdsCode
from scr.fhir.pointers import custodian
from scr.mapping.provider import Provider
from scr.sources.protocol import Outcome, Source, SourceResult

POINTER_ELSEWHERE = "pointer-elsewhere"
"""The code of a custodian that a locator names, and that was not asked."""


class Locators:
    """The record locators among the providers, and what follows from their pointers."""

    def __init__(self, providers: Mapping[OdsCode, Provider], pulls: Mapping[OdsCode, Source]) -> None:
        self._pulls = {ods: pull for ods, pull in pulls.items() if not providers[ods].is_neighbour}
        self._locators = frozenset(ods for ods in pulls if providers[ods].is_locator)

    def beside(
        self, only: Collection[OdsCode] | None, planned: Iterable[Source]
    ) -> frozenset[OdsCode] | None:
        """The sources to ask where these ``only`` are wanted: one that a pointer alone leads to needs the
        locators as well. None asks all."""
        if only is None:
            return None
        led_to = set(only) & self._pulls.keys() - {source.ods for source in planned}
        return frozenset(only) | (self._locators if led_to else frozenset())

    def further(self, contributing: Collection[OdsCode], only: Collection[OdsCode] | None) -> Further | None:
        """The connected sources, of those that contribute, that a locator's answer names."""
        if not self._locators:
            return None

        def named(result: SourceResult) -> list[Source]:
            if result.source not in self._locators:
                return []
            found = {kept.ods for entry in result.entries if (kept := custodian(entry)) is not None}
            there = found & self._pulls.keys() & set(contributing)
            return [self._pulls[ods] for ods in sorted(there) if only is None or ods in only]

        return named

    def elsewhere(
        self, results: Iterable[SourceResult], permitted: Iterable[Entry]
    ) -> tuple[SourceResult, ...]:
        """One result for each custodian that permitted pointers name and of whom there is none."""
        if not self._locators:
            return ()
        told = {result.source for result in results}
        pointers = (entry for entry in permitted if OdsCode(entry.source) in self._locators)
        found = {kept.ods: kept for entry in pointers if (kept := custodian(entry)) is not None}
        return tuple(
            SourceResult(
                ods,
                found[ods].name or f"Organisation {ods}",
                Outcome.NOT_ASKED,
                code=POINTER_ELSEWHERE,
                detail="A record locator says that it holds something.",
            )
            for ods in sorted(found.keys() - told)
        )
