"""The rows of a file, filed with as few words to the database as they need.

A file has many rows about one person, one after another, each with all that is known of them. Those that
claim the same are filed at once: the person is looked up, held and written once. It comes to the same as
each row alone, and where anything stands in the way each is filed alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from scr.decode.tree import BadUnit, Unit
from scr.errors import Conflict, Invalid
from scr.fhir.identifiers import OdsCode
from scr.identity.resolve import Unresolved
from scr.intake.ahead.known import plain_runs
from scr.intake.file_unit import Desk, Joined, UnitOutcome, undone_unless_filed
from scr.mapping.adapter import Adapter
from scr.mapping.repeats import Repeats
from scr.mapping.run import Claim


def file_rows(
    desk: Desk,
    conn: Connection,
    provider: OdsCode,
    adapter: Adapter,
    units: Iterable[Unit | BadUnit],
    now: int,
) -> list[UnitOutcome]:
    """File the rows of one transaction in their order, as ``Desk.file`` does each."""
    desk = replace(desk, repeats=Repeats())
    outcomes: list[UnitOutcome] = []
    for claimed, run in plain_runs(units, partial(_claimed, desk, adapter)):
        if claimed is None:
            outcomes += [desk.file(conn, provider, adapter, unit, now) for unit in run]
        else:
            several = [unit for unit in run if isinstance(unit, Unit)]
            outcomes += _run(desk, conn, provider, adapter, several, claimed, now)
    return outcomes


def _claimed(desk: Desk, adapter: Adapter, unit: Unit) -> Claim | None:
    stated = desk.claimed(adapter, unit)
    return stated if isinstance(stated, Claim) else None


def _run(
    desk: Desk,
    conn: Connection,
    provider: OdsCode,
    adapter: Adapter,
    run: list[Unit],
    stated: Claim,
    now: int,
) -> list[UnitOutcome]:
    """File rows that claim the same: at once, or else one by one."""
    if len(run) > 1:
        try:
            with undone_unless_filed(conn) as mark:
                person = desk.whose(conn, provider, stated, now)
                if not isinstance(person, Unresolved):
                    filed = desk.onto(conn, provider, adapter, run, person, stated, now)
                    mark.kept = True
                    return list(filed)
        except (Invalid, Joined):
            pass  # which of them it was, and why, is told by each alone
        except Conflict as conflict:
            if conflict.code not in {"other-person", "other-type"}:
                raise
    return [desk.file(conn, provider, adapter, unit, now) for unit in run]
