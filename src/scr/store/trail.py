"""The audit trail: who asked what about whom, and what came of it, durable before the answer leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import orjson
from sqlalchemy import Connection, Select, select

from scr.faults import reach
from scr.store.audit.chain import append_linked
from scr.store.audit.telling import Telling
from scr.store.keys import random_id
from scr.store.tables import AUDIT


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act. ``at`` is ms UTC; ``person`` the opaque key; ``actor`` the token's subject.

    ``action`` and ``outcome`` are codes of FHIR AuditEvent (C R U D E; 0 4 8 12); ``code`` the reason
    where it was refused; ``what`` a route or type without anyone's number; ``policy`` the hash of the
    policy in force; ``correlation`` the request's id. ``details`` is plain JSON without a record's
    content. ``id`` sorts by time; ``append`` gives it.
    """

    at: int
    actor: str
    action: str
    what: str
    outcome: str
    person: str | None = None
    actor_name: str = ""
    role: str = ""
    organisation: str = ""
    purpose: str = ""
    code: str = ""
    policy: str = ""
    correlation: str = ""
    details: Mapping[str, object] = field(default_factory=dict)
    id: str = ""


_NAMES = tuple(one.name for one in fields(AuditRow))
_SELECT = select(*(AUDIT.c[name] for name in _NAMES))


def append(connection: Connection, row: AuditRow) -> str:
    """Add a row to the chain (``chain``); gives its id. Nothing here changes or removes one."""
    identity = f"{row.at:012x}-{random_id()}"
    details = orjson.dumps(dict(row.details), option=orjson.OPT_SORT_KEYS).decode()
    told = {"id": identity, "details": details}
    content = {name: told[name] if name in told else getattr(row, name) for name in _NAMES}
    telling = Telling.of(row.action, row.what, row.outcome, row.purpose, row.role, row.details)
    append_linked(connection, content, telling)
    reach("audit.appended")
    return identity


def recent(
    connection: Connection,
    limit: int = 100,
    *,
    person: str | None = None,
    actor: str | None = None,
    before: int | None = None,
) -> list[AuditRow]:
    """The latest rows, the newest first; of one person or one actor, and before a time (ms UTC), if given."""
    query = _SELECT
    if person is not None:
        query = query.where(AUDIT.c.person == person)
    if actor is not None:
        query = query.where(AUDIT.c.actor == actor)
    if before is not None:
        query = query.where(AUDIT.c.at < before)
    return _rows(connection, query.order_by(AUDIT.c.at.desc(), AUDIT.c.id.desc()).limit(limit))


def between(
    connection: Connection, people: Sequence[str], since: int, until: int | None = None
) -> list[AuditRow]:
    """Every row about one of these persons from ``since`` until ``until`` (ms UTC), the newest first."""
    query = _SELECT.where(AUDIT.c.person.in_(people), AUDIT.c.at >= since)
    if until is not None:
        query = query.where(AUDIT.c.at <= until)
    return _rows(connection, query.order_by(AUDIT.c.at.desc(), AUDIT.c.id.desc()))


def looks_at(
    connection: Connection,
    people: Sequence[str],
    since: int,
    until: int,
    *,
    most: int,
    actor: str | None = None,
) -> list[AuditRow]:
    """What somebody did about these persons from ``since`` until ``until`` (ms UTC), the newest first; of one
    actor, if given. The program's own upkeep is none. ``most`` rows, and whatever else was at the moment of
    the last of them: who goes on before that moment misses none."""
    query = _SELECT.where(AUDIT.c.person.in_(people), AUDIT.c.at >= since, AUDIT.c.at <= until)
    query = query.where(AUDIT.c.actor != "" if actor is None else AUDIT.c.actor == actor)
    newest = query.order_by(AUDIT.c.at.desc(), AUDIT.c.id.desc())
    found = _rows(connection, newest.limit(most))
    if len(found) == most:
        last = found[-1]
        found += _rows(connection, newest.where(AUDIT.c.at == last.at, AUDIT.c.id < last.id))
    return found


def of_request(connection: Connection, correlation: str, actor: str) -> list[AuditRow]:
    """The rows of one request, by its id, of one actor, the newest first."""
    query = _SELECT.where(AUDIT.c.correlation == correlation, AUDIT.c.actor == actor)
    return _rows(connection, query.order_by(AUDIT.c.at.desc(), AUDIT.c.id.desc()))


def before_row(
    connection: Connection, before: str, limit: int, people: Sequence[str] | None = None
) -> list[AuditRow]:
    """The rows before one (by id; empty: from the last), the newest first; of these persons, if given."""
    query = _SELECT if people is None else _SELECT.where(AUDIT.c.person.in_(people))
    if before:
        query = query.where(AUDIT.c.id < before)
    return _rows(connection, query.order_by(AUDIT.c.id.desc()).limit(limit))


def row_by_id(connection: Connection, identity: str, people: Sequence[str] | None = None) -> AuditRow | None:
    """One row; about one of these persons, if given."""
    query = _SELECT.where(AUDIT.c.id == identity)
    found = _rows(connection, query if people is None else query.where(AUDIT.c.person.in_(people)))
    return found[0] if found else None


def ids_of_request(connection: Connection, correlation: str) -> list[str]:
    """The ids of the rows of one request, by its id."""
    query = select(AUDIT.c.id).where(AUDIT.c.correlation == correlation).order_by(AUDIT.c.at, AUDIT.c.id)
    return list(connection.execute(query).scalars())


def _rows(connection: Connection, query: Select[Any]) -> list[AuditRow]:
    rows = (row._asdict() for row in connection.execute(query))
    return [AuditRow(**{**row, "details": orjson.loads(row["details"])}) for row in rows]
