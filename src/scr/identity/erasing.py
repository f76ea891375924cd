"""To erase a human being: asked by one who says why, confirmed by another, told in the audit.

All that their keys seal is gone with the keys, in whatever table; of payloads about several people, what
names them is let go of (``scr.store.shared``). What stays: the rows of the audit, which name nobody but by an
opaque key, counts, and the claim that no two numbers be linked. What a source sends of them again is a new
person: let the sources know first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, text

from scr.errors import Forbidden, NotFound
from scr.identity import links
from scr.store import erasures, shared
from scr.store.engine import Database
from scr.store.erasures import Erasure
from scr.store.keys import KeyRing
from scr.store.people import Person, person_by_key, person_by_patient_id, view_of
from scr.store.trail import AuditRow, append


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of a view were erased, and how many payloads about several people were let go of."""

    people: int
    payloads: int


@dataclass(frozen=True, slots=True)
class Erasing:
    """The desk for it. ``erased`` is the list of who was, outside the database; ``clock`` gives ms UTC."""

    database: Database
    keys: KeyRing
    erased: Path
    clock: Callable[[], int]

    def ask(self, patient: str, by: str, reason: str) -> Erasure:
        """Ask for the erasure of whoever's Patient has this logical id. Raises NotFound, Conflict."""

        def work(connection: Connection) -> Erasure:
            person = person_by_patient_id(connection, self.keys, patient)
            if person is None:
                raise NotFound("nobody's Patient has this id", code="no-person")
            one = erasures.ask(connection, person, by, reason, self.clock())
            self._tell(connection, one, by, "C", "asked")
            return one

        return self.database.write_now(work)

    def waiting(self) -> list[Erasure]:
        """What was asked for, the oldest first."""
        return self.database.read_now(lambda connection: erasures.waiting(connection, self.keys))

    def withdraw(self, erasure: str, by: str) -> None:
        """Do not do it. Raises NotFound."""

        def work(connection: Connection) -> None:
            _, one = erasures.read(connection, self.keys, erasure)
            erasures.withdraw(connection, erasure)
            self._tell(connection, one, by, "D", "withdrawn")

        self.database.write_now(work)

    def confirm(self, erasure: str, by: str) -> Erased:
        """Erase. It may be stopped at any step, and confirmed again.

        Raises NotFound; Forbidden where the same one asked for it, or it was asked for too long ago.
        """
        person, one = self.database.read_now(lambda conn: erasures.read(conn, self.keys, erasure))
        if " ".join(by.split()).casefold() == " ".join(one.by.split()).casefold():
            raise Forbidden("somebody else has to confirm it", code="same-person")
        if one.until <= self.clock():
            raise Forbidden("it was asked for too long ago: ask again", code="erasure-lapsed")
        people = self.database.read_now(lambda connection: view_of(connection, self.keys, person))
        payloads = self._payloads(people)
        erasures.remember(self.erased, [each.key for each in people], self.clock())

        def work(connection: Connection) -> int:
            present, asked = erasures.read(connection, self.keys, erasure)
            gone = links.erase(connection, self.keys, present)
            self._tell(connection, asked, by, "D", "erased", payloads)
            return gone

        erased = Erased(self.database.write_now(work), payloads)
        empty_log(self.database)
        return erased

    def again(self) -> int:
        """Erase whoever is on the list and held here, as after a backup was restored; how many."""

        def work(connection: Connection, key: str) -> int:
            person = person_by_key(connection, self.keys, key)
            if person is None:
                return 0
            one = Erasure("", key, 0, 0, "", "a backup was restored")
            gone = links.erase(connection, self.keys, person)
            self._tell(connection, one, "scr restore", "D", "erased again")
            return gone

        found = 0
        for key in sorted(set(erasures.erased(self.erased))):
            person = self.database.read_now(lambda conn, key=key: person_by_key(conn, self.keys, key))  # type: ignore[misc]
            if person is not None:
                self._payloads(self.database.read_now(partial(view_of, keys=self.keys, person=person)))
                found += self.database.write_now(partial(work, key=key))
        if found:
            empty_log(self.database)
        return found

    def _payloads(self, people: tuple[Person, ...]) -> int:
        """Let go of payloads about several people that name one of these; how many."""
        known = [each.key for each in people]
        numbers = [each.nhs_number for each in people]
        found = self.database.read_now(lambda connection: shared.may_name(connection, known))
        work = partial(shared.let_go, keys=self.keys, people=known, numbers=numbers)
        return sum(self.database.write_now(partial(work, message=message)) for message in found)

    def _tell(
        self,
        connection: Connection,
        one: Erasure,
        by: str,
        action: str,
        code: str,
        payloads: int | None = None,
    ) -> None:
        details: dict[str, object] = {"erasure": one.id, "why": one.reason}
        if payloads is not None:
            details["payloads"] = payloads
        row = AuditRow(
            at=self.clock(),
            actor=by,
            action=action,
            what=f"identity erasure {code}",
            outcome="success",
            person=one.person,
            details=details,
        )
        append(connection, row)


def empty_log(database: Database) -> None:
    """Let nothing of what was deleted stand in SQLite's write-ahead log, as far as no reader needs it."""
    if database.dialect != "sqlite":
        return
    path = database.read_now(lambda conn: str(conn.execute(text("PRAGMA database_list")).one()[2]))
    connection = sqlite3.connect(path, timeout=5)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()
