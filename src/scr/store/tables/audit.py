"""The audit trail."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import (
    CLUSTERED,
    bytes_column,
    number_column,
    text_column,
)


class AuditTableRow(SQLModel, table=True):
    """Who asked what, and what came of it. No foreign keys: it outlives what it tells of.

    ``chain``, ``seq`` and ``hash`` hang it on the row before it. ``version`` is that of what the hash is
    over: from 2 on, ``salt`` is the key that its fields are hidden by, and ``told`` (JSON) what the person is
    told of it and no other column says. A trigger refuses to change or remove a row.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_at", "at"),
        Index("audit_person", "person", "at"),
        Index("audit_correlation", "correlation"),
        Index("audit_chain_seq", "chain", "seq", unique=True),
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
    version: int = number_column()
    salt: bytes | None = bytes_column(nullable=True)
    told: str | None = text_column(nullable=True)
    chain: str = text_column()
    seq: int = number_column()
    hash: bytes = bytes_column()


class AuditChainRow(SQLModel, table=True):
    """A chain of the audit, and up to which place it is sealed."""

    __tablename__ = "audit_chain"
    __table_args__ = CLUSTERED

    chain: str = text_column(primary_key=True)
    sealed: int = number_column()


class AuditSealRow(SQLModel, table=True):
    """A seal over the rows that came since the one before, and the signed head of the tree of all seals.

    ``spans`` is JSON: by chain the first and the last place. ``root`` is that of the tree of these rows,
    ``parts`` what the tree of seals goes on from, ``head`` its signed head.
    """

    __tablename__ = "audit_seal"
    __table_args__ = (Index("audit_seal_at", "at"),)

    number: int = number_column(primary_key=True)
    at: int = number_column()
    spans: str = text_column()
    root: bytes = bytes_column()
    parts: bytes = bytes_column()
    head: str = text_column()
    signature: bytes = bytes_column()
