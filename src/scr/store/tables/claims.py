"""What users claim for themselves: a relationship, or a broken glass."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import CLUSTERED, bytes_column, number_column, person_key, text_column


class ClaimRow(SQLModel, table=True):
    """That one user, in one role at one organisation, may look at one person until a time.

    ``kind``: glass, relationship. ``sealed`` is the reason, ``review`` what a reviewer noted, both sealed
    with the person's key. ``withdrawn`` and ``reviewed`` are empty until they are.
    """

    __tablename__ = "claim"
    __table_args__ = (
        Index("claim_id", "id", unique=True),
        Index("claim_since", "since"),
        Index("claim_subject", "subject", "until"),
        CLUSTERED,
    )

    person: str = person_key()
    id: str = text_column(primary_key=True)
    kind: str = text_column()
    subject: str = text_column()
    name: str = text_column()
    role: str = text_column()
    role_name: str = text_column()
    organisation: str = text_column()
    organisation_name: str = text_column()
    purpose: str = text_column()
    since: int = number_column()
    until: int = number_column()
    sealed: bytes = bytes_column()
    withdrawn: int | None = number_column(nullable=True)
    withdrawn_by: str = text_column(sa_column_kwargs={"server_default": ""}, default="")
    reviewed: int | None = number_column(nullable=True)
    reviewed_by: str = text_column(sa_column_kwargs={"server_default": ""}, default="")
    verdict: str = text_column(sa_column_kwargs={"server_default": ""}, default="")
    review: bytes | None = bytes_column(nullable=True)
