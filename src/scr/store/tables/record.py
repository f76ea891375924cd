"""What is on a person's record, where live resources are found again, and pinned answers."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import (
    BY_PERSON,
    CLUSTERED,
    bytes_column,
    number_column,
    of_person,
    person_key,
    text_column,
)


class HeldRow(SQLModel, table=True):
    """Whose a resource is that is held here: by its id one comes to the person, by the person to the rest.

    It stays as long as the person does, and an id is one person's.
    """

    __tablename__ = "held"
    __table_args__ = (CLUSTERED,)

    id: str = text_column(primary_key=True)
    type: str = text_column()
    person: str = text_column()
    source: str = text_column()


class ResourceRow(SQLModel, table=True):
    """The current version of a resource. ``digest``: keyed, of what was filed, before its stamp.

    ``filed_under``: keyed hashes of its provider's own identifiers of the person under which it came;
    ``told``: when its sender said so, by the sender's own clock; ``message``: what it came in.
    """

    __tablename__ = "resource"
    __table_args__ = BY_PERSON

    person: str = person_key()
    id: str = text_column(primary_key=True)
    type: str = text_column()
    source: str = text_column()
    version: int = number_column()
    last_updated: int = number_column()
    digest: bytes = bytes_column()
    sealed: bytes = bytes_column()
    filed_under: bytes | None = bytes_column(nullable=True)
    told: int | None = number_column(nullable=True)
    message: str | None = text_column(nullable=True)


class ResourceHistoryRow(SQLModel, table=True):
    """An older version of a resource, as it was."""

    __tablename__ = "resource_history"
    __table_args__ = BY_PERSON

    person: str = person_key()
    id: str = text_column(primary_key=True)
    version: int = number_column(primary_key=True)
    type: str = text_column()
    source: str = text_column()
    last_updated: int = number_column()
    digest: bytes = bytes_column()
    sealed: bytes = bytes_column()
    filed_under: bytes | None = bytes_column(nullable=True)
    told: int | None = number_column(nullable=True)
    message: str | None = text_column(nullable=True)


class LocatorRow(SQLModel, table=True):
    """Where a resource is that was served from a live source and is not held here.

    ``head``: sealed for the person, what is decided by (heading, labels, dates, codes), as it was then.
    """

    __tablename__ = "locator"
    __table_args__ = (Index("locator_person", "person"), CLUSTERED)

    id: str = text_column(primary_key=True)
    type: str = text_column()
    person: str = of_person()
    source: str = text_column()
    head: bytes | None = bytes_column(nullable=True)


class PulledRow(SQLModel, table=True):
    """What a live source told of a person, for as long as the policy keeps it. ``digest``: keyed, of that.

    ``at``: when that was last what the source told.
    """

    __tablename__ = "pulled"
    __table_args__ = (Index("pulled_at", "at"), BY_PERSON)

    person: str = person_key()
    source: str = text_column(primary_key=True)
    at: int = number_column()
    digest: bytes = bytes_column()
    sealed: bytes = bytes_column()


class SnapshotRow(SQLModel, table=True):
    """An answer pinned for paging, for the one subject that asked."""

    __tablename__ = "snapshot"
    __table_args__ = (Index("snapshot_expires", "expires"), Index("snapshot_person", "person"))

    id: str = text_column(primary_key=True)
    person: str = of_person()
    subject: str = text_column()
    created: int = number_column()
    expires: int = number_column()
    sealed: bytes = bytes_column()
