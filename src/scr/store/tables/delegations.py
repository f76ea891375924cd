"""Who may act for whom, and whether somebody can decide for themselves."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import CLUSTERED, bytes_column, number_column, person_key, text_column


class DelegationRow(SQLModel, table=True):
    """That a carer may act for a person until a time, or was invited to.

    ``carer`` and ``code`` are keyed hashes: of the carer's subject, once they have accepted, and of what the
    invitation is taken up with, until then. ``sealed`` is all the rest, with the person's key.
    """

    __tablename__ = "delegation"
    __table_args__ = (
        Index("delegation_id", "id", unique=True),
        Index("delegation_code", "code", unique=True),
        Index("delegation_carer", "carer"),
        CLUSTERED,
    )

    person: str = person_key()
    id: str = text_column(primary_key=True)
    carer: str | None = text_column(nullable=True)
    code: str | None = text_column(nullable=True)
    code_until: int | None = number_column(nullable=True)
    since: int = number_column()
    until: int = number_column()
    used: int | None = number_column(nullable=True)
    ended: int | None = number_column(nullable=True)
    sealed: bytes = bytes_column()


class CapacityRow(SQLModel, table=True):
    """Whether the person can decide for themselves, as somebody recorded it, sealed with the person's key."""

    __tablename__ = "capacity"
    __table_args__ = (CLUSTERED,)

    person: str = person_key()
    id: str = text_column(primary_key=True)
    at: int = number_column()
    sealed: bytes = bytes_column()


class LookQuestionRow(SQLModel, table=True):
    """What a person, or who acts for them, asked about a look at the record, and what was answered.

    ``look`` is the id of the audit's row. ``sealed`` and ``answer`` are sealed with the person's key;
    ``answered`` is empty until it was.
    """

    __tablename__ = "look_question"
    __table_args__ = (
        Index("look_question_id", "id", unique=True),
        Index("look_question_asked", "answered", "asked"),
        CLUSTERED,
    )

    person: str = person_key()
    id: str = text_column(primary_key=True)
    look: str = text_column()
    asked: int = number_column()
    sealed: bytes = bytes_column()
    answered: int | None = number_column(nullable=True)
    answer: bytes | None = bytes_column(nullable=True)
