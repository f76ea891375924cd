"""Who was shown an answer while a link was in force, so that they can be told that it was wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from sqlalchemy import Connection

from scr.fhir.dates import instant_text
from scr.store import links, trail
from scr.store.groups import JOINING
from scr.store.links import Link
from scr.store.trail import AuditRow

COLUMNS = ("when", "who", "name", "role", "organisation", "action", "what", "purpose", "request")
LINKS = "links"
"""The detail of a look's audit row that names the links by which the record was one."""


def recall(connection: Connection, link_id: str) -> list[AuditRow]:
    """Every look that was answered with a link in force, the newest first. Raises NotFound.

    Of a link that joins two persons: the looks at the joined record. Of a merge: those at either person
    meanwhile, for the one was shown what was moved, and the other was shown a record without it.
    """
    known = links.read(connection, link_id)
    people = _seen_under(connection, known)
    rows = trail.between(connection, sorted(people), known.at, known.undone_at)
    looks = (row for row in rows if row.outcome == "success" and not row.what.startswith("identity "))
    if known.kind in JOINING:
        return [row for row in looks if known.id in str(row.details.get(LINKS, "")).split()]
    return list(looks)


def as_csv(rows: Iterable[AuditRow]) -> str:
    """The looks as a CSV file, to work through. Nothing of a record stands in it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(line_of, rows))
    return text.getvalue()


def line_of(row: AuditRow) -> tuple[str, ...]:
    """A look in the order of ``COLUMNS``."""
    return (
        instant_text(row.at),
        row.actor,
        row.actor_name,
        row.role,
        row.organisation,
        row.action,
        row.what,
        row.purpose,
        row.correlation,
    )


def _seen_under(connection: Connection, known: Link) -> set[str]:
    """The persons under whom a record with this link in it may have been shown while it was in force."""
    found = {known.former, known.retained}
    new = set(found)
    while new:
        near = [one for one in links.links_of(connection, new) if _met(one, known)]
        new = {key for one in near for key in (one.former, one.retained)} - found
        found |= new
    return found


def _met(one: Link, other: Link) -> bool:
    """Whether a link that joins was in force at some time when the other was."""
    before = one.undone_at is not None and one.undone_at < other.at
    after = other.undone_at is not None and other.undone_at < one.at
    return one.kind in JOINING and not before and not after
