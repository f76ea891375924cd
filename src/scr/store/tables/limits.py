"""How often something was tried: one row for each who and what that has tried it lately."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import CLUSTERED, number_column, text_column


class LimitRow(SQLModel, table=True):
    """Of one limit and one keyed hash of somebody or something: when all its tries are forgotten."""

    __tablename__ = "attempts"
    __table_args__ = (Index("attempts_until", "until"), CLUSTERED)

    kind: str = text_column(primary_key=True)
    digest: str = text_column(primary_key=True)
    until: int = number_column()
