"""The tables, the same on SQLite and PostgreSQL.

A table of a person has the person's opaque key as first column of its primary key, so that one
person's rows lie together (on SQLite: without a rowid, clustered) and a PostgreSQL that shards by
it answers from one shard. In the clear stand opaque keys and ids, types, sources, versions, times
and states; everything else is sealed bytes or a keyed hash. Instants are milliseconds UTC.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Table, Text
from sqlmodel import Field, SQLModel

_CLUSTERED = {"sqlite_with_rowid": False}


def _text(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


def _number(**options: Any) -> Any:
    return Field(sa_type=BigInteger, **options)


def _bytes(**options: Any) -> Any:
    return Field(sa_type=LargeBinary, **options)


def _person() -> Any:
    """The person's key: first in the primary key, and gone with the person."""
    return Field(sa_column=Column(Text, ForeignKey("person.key", ondelete="CASCADE"), primary_key=True))


def _of_person() -> Any:
    """The person's key in a table that is found by something else."""
    return Field(sa_column=Column(Text, ForeignKey("person.key", ondelete="CASCADE"), nullable=False))


class PersonRow(SQLModel, table=True):
    """A person. ``wrapped_key``: the data key, wrapped; ``sealed``: NHS Number and demographics.

    ``revision`` grows with every change of the record, so that what was opened before is known as old.
    """

    __tablename__ = "person"
    __table_args__ = (Index("person_patient_id", "patient_id", unique=True), _CLUSTERED)

    key: str = _text(primary_key=True)
    patient_id: str = _text()
    wrapped_key: bytes = _bytes()
    created: int = _number()
    sealed: bytes = _bytes()
    revision: int = _number(sa_column_kwargs={"server_default": "0"}, default=0)


class PersonIndexRow(SQLModel, table=True):
    """The blind index: a keyed hash of an identifier finds a person. ``kind``: nhs-number, local."""

    __tablename__ = "person_index"
    __table_args__ = (Index("person_index_person", "person"), _CLUSTERED)

    token: str = _text(primary_key=True)
    person: str = _of_person()
    kind: str = _text()


class RelationshipRow(SQLModel, table=True):
    """That an organisation has to do with a person. ``until`` is empty while it lasts."""

    __tablename__ = "relationship"
    __table_args__ = (_CLUSTERED,)

    person: str = _person()
    organisation: str = _text(primary_key=True)
    kind: str = _text(primary_key=True)
    source: str = _text(primary_key=True)
    since: int = _number()
    until: int | None = _number(nullable=True)


class ResourceRow(SQLModel, table=True):
    """The current version of a resource. ``digest``: keyed, of what was filed, before its stamp."""

    __tablename__ = "resource"
    __table_args__ = (Index("resource_id", "id", unique=True), _CLUSTERED)

    person: str = _person()
    id: str = _text(primary_key=True)
    type: str = _text()
    source: str = _text()
    version: int = _number()
    last_updated: int = _number()
    digest: bytes = _bytes()
    sealed: bytes = _bytes()


class ResourceHistoryRow(SQLModel, table=True):
    """An older version of a resource, as it was."""

    __tablename__ = "resource_history"
    __table_args__ = (Index("resource_history_id", "id"), _CLUSTERED)

    person: str = _person()
    id: str = _text(primary_key=True)
    version: int = _number(primary_key=True)
    type: str = _text()
    source: str = _text()
    last_updated: int = _number()
    digest: bytes = _bytes()
    sealed: bytes = _bytes()


class LocatorRow(SQLModel, table=True):
    """Where a resource is that was served from a live source and is not held here."""

    __tablename__ = "locator"
    __table_args__ = (Index("locator_person", "person"), _CLUSTERED)

    id: str = _text(primary_key=True)
    type: str = _text()
    person: str = _of_person()
    source: str = _text()


class MessageRow(SQLModel, table=True):
    """A payload as it came. Its key is wrapped by the key ring, or by the person's once it is one's."""

    __tablename__ = "message"
    __table_args__ = (
        Index("message_digest", "provider", "digest", unique=True),
        Index("message_state", "state", "received"),
        Index("message_provider", "provider", "received"),
        Index("message_feed", "provider", "feed", "received"),
        Index("message_person", "person"),
    )

    id: str = _text(primary_key=True)
    provider: str = _text()
    feed: str = _text()
    received: int = _number()
    digest: bytes = _bytes()
    state: str = _text()
    outcome: str = _text()
    person: str | None = _text(nullable=True)
    wrapped_key: bytes = _bytes()
    sealed: bytes = _bytes()


class QuarantineRow(SQLModel, table=True):
    """A part of a message that could not be filed, and why. Sealed with its message's key.

    ``claimed`` is the blind token of the NHS Number that it names, if it names one.
    """

    __tablename__ = "quarantine"
    __table_args__ = (
        Index("quarantine_state", "state", "created"),
        Index("quarantine_message", "message"),
        Index("quarantine_claimed", "claimed", "state"),
    )

    id: str = _text(primary_key=True)
    message: str = _text()
    provider: str = _text()
    adapter: str = _text()
    place: str = _text()
    code: str = _text()
    sentence: str = _text()
    created: int = _number()
    state: str = _text()
    attempts: int = _number()
    sealed: bytes = _bytes()
    claimed: str | None = _text(nullable=True)


class SnapshotRow(SQLModel, table=True):
    """An answer pinned for paging, for the one subject that asked."""

    __tablename__ = "snapshot"
    __table_args__ = (Index("snapshot_expires", "expires"), Index("snapshot_person", "person"))

    id: str = _text(primary_key=True)
    person: str = _of_person()
    subject: str = _text()
    created: int = _number()
    expires: int = _number()
    sealed: bytes = _bytes()


class AuditTableRow(SQLModel, table=True):
    """Who asked what, and what came of it. No foreign keys: it outlives what it tells of."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_at", "at"), Index("audit_person", "person", "at"))

    id: str = _text(primary_key=True)
    at: int = _number()
    actor: str = _text()
    actor_name: str = _text()
    role: str = _text()
    organisation: str = _text()
    action: str = _text()
    person: str | None = _text(nullable=True)
    purpose: str = _text()
    what: str = _text()
    outcome: str = _text()
    code: str = _text()
    policy: str = _text()
    correlation: str = _text()
    details: str = _text()


class OnboardingEventRow(SQLModel, table=True):
    """A gate that a provider passed, or one that was undone. Rows are added only, one after the other.

    ``seq`` has no gaps: a row that is seen means that all before it are. ``stage`` and ``testers`` are
    what holds after it.
    """

    __tablename__ = "onboarding_event"
    __table_args__ = (Index("onboarding_event_provider", "provider", "seq"),)

    seq: int = _number(primary_key=True, sa_column_kwargs={"autoincrement": False})
    provider: str = _text()
    at: int = _number()
    kind: str = _text()
    gate: str = _text()
    stage: str = _text()
    by_name: str = _text()
    actor: str = _text()
    reference: str = _text()
    digest: str = _text()
    report: str = _text()
    note: str = _text()
    testers: str = _text()


class LossDayRow(SQLModel, table=True):
    """How often something was not carried, or was: by provider, adapter and day, without any value.

    ``kind`` and ``name`` are those of ``scr.mapping.counts``; ``day`` is a date in London. ``writer``
    is whoever counted, so that no two writers wait for one row; the sum is what is told.
    """

    __tablename__ = "loss_day"
    __table_args__ = (_CLUSTERED,)

    day: str = _text(primary_key=True)
    provider: str = _text(primary_key=True)
    adapter: str = _text(primary_key=True)
    kind: str = _text(primary_key=True)
    name: str = _text(primary_key=True)
    writer: str = _text(primary_key=True)
    count: int = _number()


class FeedProfileRow(SQLModel, table=True):
    """What a feed has sent so far (``scr.mapping.profile``): counts, and keyed hashes of codes."""

    __tablename__ = "feed_profile"

    provider: str = _text(primary_key=True)
    feed: str = _text(primary_key=True)
    adapter: str = _text(primary_key=True)
    updated: int = _number()
    profile: bytes = _bytes()


class DriftEventRow(SQLModel, table=True):
    """One way in which a message departed from what its feed sent before, and what was done about it."""

    __tablename__ = "drift_event"
    __table_args__ = (Index("drift_event_at", "at"),)

    id: str = _text(primary_key=True)
    at: int = _number()
    provider: str = _text()
    feed: str = _text()
    adapter: str = _text()
    message: str = _text()
    kind: str = _text()
    field: str = _text()
    detail: str = _text()
    action: str = _text()


metadata = SQLModel.metadata


def _table(name: str) -> Table:
    return metadata.tables[name]


PERSON = _table("person")
PERSON_INDEX = _table("person_index")
RELATIONSHIP = _table("relationship")
RESOURCE = _table("resource")
HISTORY = _table("resource_history")
LOCATOR = _table("locator")
MESSAGE = _table("message")
QUARANTINE = _table("quarantine")
SNAPSHOT = _table("snapshot")
AUDIT = _table("audit")
ONBOARDING = _table("onboarding_event")
LOSS_DAY = _table("loss_day")
FEED_PROFILE = _table("feed_profile")
DRIFT = _table("drift_event")
