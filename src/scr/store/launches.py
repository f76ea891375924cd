"""Apps that a clinician's system opens for one patient, and those that somebody is not asked about again."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from scr.fhir.identifiers import OdsCode
from scr.store.keys import KeyRing
from scr.store.tables import APP_APPROVAL, APP_LAUNCH


@dataclass(frozen=True, slots=True)
class Launch:
    """What a handle stands for: which system of which organisation opened which app for which Patient."""

    system: str
    organisation: OdsCode
    app: str
    patient: str
    banner: bool = True


def keep(connection: Connection, keys: KeyRing, handle: str, launch: Launch, until: int) -> None:
    """Keep what a new handle stands for, until an instant."""
    row = {
        "digest": _digest(keys, handle),
        "system": launch.system,
        "organisation": launch.organisation.value,
        "app": launch.app,
        "patient": launch.patient,
        "banner": int(launch.banner),
        "until": until,
    }
    connection.execute(insert(APP_LAUNCH), row)


def look(connection: Connection, keys: KeyRing, handle: str, app: str, now: int) -> Launch | None:
    """What an app's handle stands for, without using it up; None for one that is not good."""
    query = select(APP_LAUNCH).where(*_good(keys, handle, app, now))
    return _launch(connection.execute(query).one_or_none())


def take(connection: Connection, keys: KeyRing, handle: str, app: str, now: int) -> Launch | None:
    """As ``look``, and use it up: one process alone is given it."""
    change = update(APP_LAUNCH).where(*_good(keys, handle, app, now)).values(used=now)
    return _launch(connection.execute(change.returning(APP_LAUNCH)).one_or_none())


def sweep(connection: Connection, now: int) -> int:
    """Delete the handles whose time is over; how many."""
    return connection.execute(delete(APP_LAUNCH).where(APP_LAUNCH.c.until <= now)).rowcount


def approve(connection: Connection, client: str, login: str, scopes: frozenset[str], now: int) -> None:
    """Note that somebody (a keyed hash) lets an app have these scopes, and no others, from now on."""
    forget(connection, client, login)
    row = {"client": client, "login": login, "scopes": " ".join(sorted(scopes)), "at": now}
    connection.execute(insert(APP_APPROVAL), row)


def approved(connection: Connection, client: str, login: str) -> frozenset[str]:
    """The scopes that somebody lets an app have without being asked again."""
    mine = (APP_APPROVAL.c.client == client, APP_APPROVAL.c.login == login)
    found = connection.execute(select(APP_APPROVAL.c.scopes).where(*mine)).scalar_one_or_none()
    return frozenset((found or "").split())


def forget(connection: Connection, client: str, login: str) -> None:
    """Ask somebody again, the next time."""
    mine = (APP_APPROVAL.c.client == client, APP_APPROVAL.c.login == login)
    connection.execute(delete(APP_APPROVAL).where(*mine))


def _good(keys: KeyRing, handle: str, app: str, now: int) -> tuple[ColumnElement[bool], ...]:
    columns = APP_LAUNCH.c
    return (
        columns.digest == _digest(keys, handle),
        columns.app == app,
        columns.until > now,
        columns.used.is_(None),
    )


def _launch(row: Row[tuple[object, ...]] | None) -> Launch | None:
    if row is None:
        return None
    return Launch(row.system, OdsCode(row.organisation), row.app, row.patient, bool(row.banner))


def _digest(keys: KeyRing, handle: str) -> str:
    return keys.blind("launch", handle)
