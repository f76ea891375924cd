"""What each feed sends, as a profile, and how its payloads departed from it (``scr.mapping.profile``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, insert, select, text

from scr.fhir.identifiers import OdsCode
from scr.mapping.profile import Drift, Profile
from scr.store.keys import random_id
from scr.store.tables import DRIFT, FEED_PROFILE

_decoder = msgspec.json.Decoder(Profile)
_LEARN = text(
    "INSERT INTO feed_profile (provider, feed, adapter, updated, profile)"
    " VALUES (:provider, :feed, :adapter, :updated, :profile)"
    " ON CONFLICT (provider, feed, adapter)"
    " DO UPDATE SET updated = excluded.updated, profile = excluded.profile"
)


class Place(NamedTuple):
    """Whose profile it is: a feed, and the adapter that reads it."""

    provider: OdsCode
    feed: str
    adapter: str

    def row(self) -> dict[str, str]:
        """As columns."""
        return {"provider": self.provider.value, "feed": self.feed, "adapter": self.adapter}


@dataclass(frozen=True, slots=True)
class DriftEvent:
    """A departure that was noticed; ``at`` is ms UTC, ``action`` warned or quarantined."""

    at: int
    provider: str
    feed: str
    adapter: str
    message: str
    kind: str
    field: str
    detail: str
    action: str


def read(connection: Connection, place: Place) -> Profile:
    """What is known of a feed; an empty profile where nothing is."""
    query = select(FEED_PROFILE.c.profile)
    for name, value in place.row().items():
        query = query.where(FEED_PROFILE.c[name] == value)
    found = connection.execute(query).scalar_one_or_none()
    return Profile() if found is None else _decoder.decode(found)


def learn(connection: Connection, place: Place, seen: Profile, now: int) -> Profile:
    """Add what was seen to what is known, and give it all."""
    known = read(connection, place)
    known.add(seen)
    connection.execute(_LEARN, {**place.row(), "updated": now, "profile": msgspec.json.encode(known)})
    return known


def note(
    connection: Connection, place: Place, message: str, found: Iterable[Drift], action: str, now: int
) -> None:
    """Keep what was noticed of a message."""
    same = {**place.row(), "at": now, "message": message, "action": action}
    rows = [{**same, **drift._asdict(), "id": random_id()} for drift in found]
    connection.execute(insert(DRIFT), rows)


def events(connection: Connection, since: int, provider: OdsCode | None = None) -> list[DriftEvent]:
    """What was noticed since an instant (ms UTC), the latest first."""
    query = select(*(DRIFT.c[one.name] for one in fields(DriftEvent))).where(DRIFT.c.at >= since)
    if provider is not None:
        query = query.where(DRIFT.c.provider == provider.value)
    rows = connection.execute(query.order_by(DRIFT.c.at.desc(), DRIFT.c.id).limit(1000))
    return [DriftEvent(*row) for row in rows]
