"""Rows of a file are mapped by the helper while those before them are filed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from scr.decode.tree import BadUnit, Unit
from scr.errors import Invalid, ScrError
from scr.fhir.identifiers import NHSNumber
from scr.identity import index
from scr.intake.ahead.helper import Helper
from scr.intake.ahead.known import NOTHING, Ahead, Ready, plain_runs
from scr.intake.ahead.wire import Asked, Run
from scr.mapping.adapter import Adapter
from scr.mapping.repeats import Repeats
from scr.mapping.run import Claim, claim
from scr.store.engine import Database
from scr.store.keys import KeyRing, random_id

_PEOPLE = 2_000
"""People whose id is kept until they are registered: more than the batches under way can tell of."""


class Planner:
    """Plans the rows of one payload, batch by batch, each while those before it are filed."""

    def __init__(
        self, helper: Helper, database: Database, keys: KeyRing, adapter: Adapter, clock: Callable[[], int]
    ) -> None:
        self._helper, self._database, self._keys = helper, database, keys
        self._adapter, self._clock = adapter, clock
        self._ids: OrderedDict[NHSNumber, str] = OrderedDict()

    async def plan(self, batch: Sequence[Unit | BadUnit]) -> Ahead:
        """What can be known of a batch; nothing while the helper or the database is not there."""
        try:
            return await self._plan(batch) if self._helper.ready else NOTHING
        except ScrError:
            return NOTHING

    async def _plan(self, batch: Sequence[Unit | BadUnit]) -> Ahead:
        units = [unit for unit in batch if isinstance(unit, Unit)]
        claims, runs = self._claims(units)
        subjects = await self._subjects({number for number, _ in runs})
        ids = {number: self._ids[number] for number in subjects if number in self._ids}
        rows = [(unit.place, dict(unit.tree)) for unit in units]
        asked = [Run(subjects[number], numbers) for number, numbers in runs]
        answer = await self._helper.ask(Asked(self._clock(), rows, asked))
        if answer is None:
            return Ahead(claims, ids)
        ready = {}
        for run, told in zip(asked, answer.told, strict=True):
            places = tuple(units[number].place for number in run.rows)
            if told is not None:
                ready[places[0]] = Ready(run.subject, places, told.made())
        return Ahead(claims, ids, ready, (answer.seen, answer.covered))

    def _claims(self, units: Sequence[Unit]) -> tuple[dict[str, Claim], list[tuple[NHSNumber, list[int]]]]:
        """What each row claims, and the runs of rows that name somebody by number and ask nothing else."""
        repeats = Repeats()
        claims: dict[str, Claim] = {}

        def stated(unit: Unit) -> Claim | None:
            try:
                claims[unit.place] = claim(self._adapter, unit, repeats)
            except Invalid:
                return None
            return claims[unit.place]

        runs: list[tuple[NHSNumber, list[int]]] = []
        at = 0
        for claimed, run in plain_runs(units, stated):
            if claimed is not None and claimed.nhs_number is not None:
                runs.append((claimed.nhs_number, list(range(at, at + len(run)))))
            at += len(run)
        return claims, runs

    async def _subjects(self, numbers: Iterable[NHSNumber]) -> dict[NHSNumber, str]:
        """The id of the Patient of each number's person: who is held, or is to be registered."""
        tokens = {index.token_of(self._keys, number): number for number in numbers}
        held = await self._database.read(partial(index.patient_ids, tokens=tuple(tokens)))
        found = {tokens[token]: patient_id for token, patient_id in held.items()}
        for number in tokens.values():
            if number in found:
                self._ids.pop(number, None)
            else:
                found[number] = self._ids.setdefault(number, random_id())
        while len(self._ids) > _PEOPLE:
            self._ids.popitem(last=False)
        return found
