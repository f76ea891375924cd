"""The providers: the gates that they passed, what of theirs was not carried, and what they sent before."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import (
    CLUSTERED,
    bytes_column,
    number_column,
    text_column,
)


class OnboardingEventRow(SQLModel, table=True):
    """A gate that a provider passed, or one that was undone. Rows are added only, one after the other.

    ``seq`` has no gaps: a row that is seen means that all before it are. ``stage`` and ``testers`` are
    what holds after it.
    """

    __tablename__ = "onboarding_event"
    __table_args__ = (Index("onboarding_event_provider", "provider", "seq"),)

    seq: int = number_column(primary_key=True, sa_column_kwargs={"autoincrement": False})
    provider: str = text_column()
    at: int = number_column()
    kind: str = text_column()
    gate: str = text_column()
    stage: str = text_column()
    by_name: str = text_column()
    actor: str = text_column()
    reference: str = text_column()
    digest: str = text_column()
    report: str = text_column()
    note: str = text_column()
    testers: str = text_column()


class LossDayRow(SQLModel, table=True):
    """How often something was not carried, or was: by provider, adapter and day, without any value.

    ``kind`` and ``name`` are those of ``scr.mapping.counts``; ``day`` is a date in London. ``writer``
    is whoever counted, so that no two writers wait for one row; the sum is what is told.
    """

    __tablename__ = "loss_day"
    __table_args__ = (CLUSTERED,)

    day: str = text_column(primary_key=True)
    provider: str = text_column(primary_key=True)
    adapter: str = text_column(primary_key=True)
    kind: str = text_column(primary_key=True)
    name: str = text_column(primary_key=True)
    writer: str = text_column(primary_key=True)
    count: int = number_column()


class CoverageDayRow(SQLModel, table=True):
    """The fields that an adapter met on a day, by what became of them (``scr.mapping.coverage``): names only.

    ``writer`` as in ``loss_day``; the union is what is told.
    """

    __tablename__ = "coverage_day"
    __table_args__ = (CLUSTERED,)

    day: str = text_column(primary_key=True)
    provider: str = text_column(primary_key=True)
    adapter: str = text_column(primary_key=True)
    writer: str = text_column(primary_key=True)
    fields: bytes = bytes_column()


class FeedProfileRow(SQLModel, table=True):
    """What a feed has sent so far (``scr.mapping.profile``): counts, and keyed hashes of codes."""

    __tablename__ = "feed_profile"

    provider: str = text_column(primary_key=True)
    feed: str = text_column(primary_key=True)
    adapter: str = text_column(primary_key=True)
    updated: int = number_column()
    profile: bytes = bytes_column()


class DriftEventRow(SQLModel, table=True):
    """One way in which a message departed from what its feed sent before, and what was done about it."""

    __tablename__ = "drift_event"
    __table_args__ = (Index("drift_event_at", "at"),)

    id: str = text_column(primary_key=True)
    at: int = number_column()
    provider: str = text_column()
    feed: str = text_column()
    adapter: str = text_column()
    message: str = text_column()
    kind: str = text_column()
    field: str = text_column()
    detail: str = text_column()
    action: str = text_column()
