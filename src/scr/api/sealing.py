"""The audit is sealed beside what else is done: every minute, and after a thousand rows.

Any process of a deployment may seal; another that was first leaves nothing to do. The heads go to the file
of the settings after the seal is in the database: what a process that died did not write, the next one does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import Connection

from scr.errors import Conflict, Invalid, ScrError
from scr.faults import reach
from scr.settings import Settings
from scr.store.audit.heads import last_size, write_heads
from scr.store.audit.seals import Seal, seal, seals, waiting
from scr.store.audit.signing import SealingKey
from scr.store.engine import Database

LONGEST_MS = 60_000
MOST_ROWS = 1_000
_LOOK_SECONDS = 2.0
_log = structlog.get_logger("scr.audit")


@dataclass(slots=True)
class Sealer:
    """Seals the audit of a deployment. ``now`` gives ms UTC."""

    database: Database
    key: SealingKey
    heads: Path
    now: Callable[[], int]
    _since: int | None = None

    async def look(self) -> int:
        """Seal where it is time; how many seals were made."""
        rows = (await self.database.read(waiting)).rows
        now = self.now()
        if not rows:
            self._since = None
            return 0
        self._since = now if self._since is None else self._since
        if rows < MOST_ROWS and now - self._since < LONGEST_MS:
            return 0
        self._since = None
        return await self.seal()

    async def seal(self) -> int:
        """Seal all that waits, and write every head that is not written; how many seals were made."""
        made = 0
        with suppress(Conflict):  # another process was first
            while await self.database.write(self._seal) is not None:
                made += 1
                reach("audit.sealed")
        written = last_size(self.heads)
        missing = await self.database.read(lambda connection: list(seals(connection, written)))
        if missing:
            write_heads(self.heads, missing)
            reach("audit.headed")
        return made

    def _seal(self, connection: Connection) -> Seal | None:
        return seal(connection, self.key, self.now())


def open_sealer(settings: Settings, database: Database, now: Callable[[], int]) -> Sealer | None:
    """The sealer of a deployment; none where it has no key, which is told in the log."""
    try:
        key = SealingKey.from_text(settings.secret(settings.audit_key))
    except Invalid as error:
        if error.code != "no-secret":
            raise
        _log.warning("audit.unsealed", why="there is no audit key: `scr audit key` makes one")
        return None
    return Sealer(database, key, settings.path(settings.audit_heads), now)


@asynccontextmanager
async def sealing(sealer: Sealer | None) -> AsyncIterator[None]:
    """Seal in the background, and once more at the end."""
    if sealer is None:
        yield
        return
    task = asyncio.create_task(_run(sealer))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        with suppress(ScrError):  # what was not sealed now is sealed by the next process
            await sealer.seal()


async def _run(sealer: Sealer) -> None:
    while True:
        try:
            await sealer.look()
        except ScrError as error:  # a database or a disk that is away: the next time
            _log.error("audit.not_sealed", code=error.code)
        await asyncio.sleep(_LOOK_SECONDS)
