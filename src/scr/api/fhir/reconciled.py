"""A record with what reconciliation makes of it (docs/reconciliation.md)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from scr.api.fhir.opened import Opened
from scr.api.fhir.origins import origins
from scr.broker.reconcile.rules import Rules
from scr.broker.reconcile.run import reconcile
from scr.broker.reconcile.states import states
from scr.errors import Conflict
from scr.fhir.entry import Entry
from scr.fhir.reconciled import Making
from scr.spans import within
from scr.store.engine import Database
from scr.store.locator import know_room, room_known

_ROOMS = 100_000
_HOUR = 3_600_000


class Reconciler:
    """Adds to a record what is made of it: as it was made before, where nothing of the record has changed."""

    def __init__(self, rules: Rules, id_key: bytes, database: Database) -> None:
        self._rules = rules
        self._id_key = id_key
        self._database = database
        self._rooms: set[str] = set()

    @within("reconcile")
    async def add(self, opened: Opened, now: int) -> Opened:
        """The record with its lists, links, disagreements and contents, as far as the actor may see them.

        Nothing is made of what is withheld. ``now`` is ms UTC; what holds now is told to the hour.
        """
        making = Making(opened.subject, self._id_key, now - now % _HOUR)
        made = self._making(making, opened)
        await self._note(making, opened)
        return replace(opened, permitted=(*opened.permitted, *opened.decide(made)))

    async def trace(self, opened: Opened, now: int) -> Opened:
        """The record with where each entry of it came from (``scr.fhir.origins``)."""
        making = Making(opened.subject, self._id_key, now)
        made = await origins(self._database, making, opened, now)
        await self._note(making, opened)
        return replace(opened, permitted=(*opened.permitted, *opened.decide(made)))

    def _making(self, making: Making, opened: Opened) -> Sequence[Entry]:
        told = tuple(sorted(states(opened.ledger, opened.permitted).items()))
        return opened.workings.once(
            "reconciled",
            (making.subject, making.now, told, opened.permitted),
            lambda: reconcile(opened.permitted, opened.ledger, self._rules, making),
        )

    async def _note(self, making: Making, opened: Opened) -> None:
        """Note once whose the ids of what is made are: every id that has been served can be read again."""
        room, person = making.room, opened.known.person
        if room in self._rooms:
            return
        if not await self._database.read(lambda connection: room_known(connection, room)):
            with suppress(Conflict):  # another process noted it at this moment
                await self._database.write(lambda connection: know_room(connection, room, person))
        if len(self._rooms) >= _ROOMS:
            self._rooms.clear()
        self._rooms.add(room)
