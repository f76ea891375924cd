"""What a deployment is governed by, since a process began with another: one row for each kind."""

from __future__ import annotations

from sqlmodel import SQLModel

from scr.store.tables.columns import CLUSTERED, number_column, text_column


class InForceRow(SQLModel, table=True):
    """Of one kind (``policy``, ``providers`` …): the hash of what is in force, and since when."""

    __tablename__ = "in_force"
    __table_args__ = (CLUSTERED,)

    kind: str = text_column(primary_key=True)
    digest: str = text_column()
    at: int = number_column()
