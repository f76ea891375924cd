"""The audit trail."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import (
    number_column,
    text_column,
)


class AuditTableRow(SQLModel, table=True):
    """Who asked what, and what came of it. No foreign keys: it outlives what it tells of."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_at", "at"),
        Index("audit_person", "person", "at"),
        Index("audit_correlation", "correlation"),
    )

    id: str = text_column(primary_key=True)
    at: int = number_column()
    actor: str = text_column()
    actor_name: str = text_column()
    role: str = text_column()
    organisation: str = text_column()
    action: str = text_column()
    person: str | None = text_column(nullable=True)
    purpose: str = text_column()
    what: str = text_column()
    outcome: str = text_column()
    code: str = text_column()
    policy: str = text_column()
    correlation: str = text_column()
    details: str = text_column()
