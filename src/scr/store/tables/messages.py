"""What came in, and the parts of it that could not be filed."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import (
    CLUSTERED,
    bytes_column,
    number_column,
    text_column,
)


class MessageRow(SQLModel, table=True):
    """A payload as it came. Its key is wrapped by the key ring, or by the person's once it is one's.

    ``adapter`` is the name of what read it last.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("message_digest", "provider", "digest", unique=True),
        Index("message_state", "state", "received"),
        Index("message_provider", "provider", "received"),
        Index("message_feed", "provider", "feed", "received"),
        Index("message_person", "person"),
    )

    id: str = text_column(primary_key=True)
    provider: str = text_column()
    feed: str = text_column()
    received: int = number_column()
    digest: bytes = bytes_column()
    state: str = text_column()
    outcome: str = text_column()
    person: str | None = text_column(nullable=True)
    wrapped_key: bytes = bytes_column()
    sealed: bytes = bytes_column()
    adapter: str | None = text_column(nullable=True)
    keyed: int | None = number_column(nullable=True)


class LongPayloadRow(SQLModel, table=True):
    """A payload of more than a megabyte, apart from its message, where the database would write it anew with
    every change of the message's row (SQLite). It has a rowid, so that it can be written in place."""

    __tablename__ = "long_payload"

    message: str = text_column(primary_key=True)
    sealed: bytes = bytes_column()


class WaitingRow(SQLModel, table=True):
    """That a message which waits names somebody: ``claimed`` is the blind token of an NHS Number in it."""

    __tablename__ = "waiting"
    __table_args__ = (Index("waiting_claimed", "claimed"), CLUSTERED)

    message: str = text_column(primary_key=True)
    claimed: str = text_column(primary_key=True)


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

    id: str = text_column(primary_key=True)
    message: str = text_column()
    provider: str = text_column()
    adapter: str = text_column()
    place: str = text_column()
    code: str = text_column()
    sentence: str = text_column()
    created: int = number_column()
    state: str = text_column()
    attempts: int = number_column()
    sealed: bytes = bytes_column()
    claimed: str | None = text_column(nullable=True)
