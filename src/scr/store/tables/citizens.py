"""What citizens are told, and what they say is wrong in their record."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import CLUSTERED, bytes_column, number_column, person_key, text_column


class NoticeRow(SQLModel, table=True):
    """Something that a person is told. ``id``: keyed, of what it tells of; ``sealed``: what, for the person.

    ``seen`` is empty until they have.
    """

    __tablename__ = "notice"
    __table_args__ = (CLUSTERED,)

    person: str = person_key()
    id: str = text_column(primary_key=True)
    kind: str = text_column()
    at: int = number_column()
    seen: int | None = number_column(nullable=True)
    sealed: bytes = bytes_column()


class NoticeChoiceRow(SQLModel, table=True):
    """How a person wants to be told of a kind of thing. ``page`` and ``message`` are 0 or 1."""

    __tablename__ = "notice_choice"
    __table_args__ = (CLUSTERED,)

    person: str = person_key()
    kind: str = text_column(primary_key=True)
    page: int = number_column()
    message: int = number_column()


class ChallengeRow(SQLModel, table=True):
    """That a person says that an entry is wrong. ``id`` is the Task's; ``owner`` the source, by its code.

    ``state``: open, received, answered, withdrawn; ``outcome`` what the source did. ``due`` is the end of the
    last day (ms UTC); ``reminded`` and ``escalated`` are empty until somebody was. ``sealed``: what is said,
    and what was answered.
    """

    __tablename__ = "challenge"
    __table_args__ = (
        Index("challenge_id", "id", unique=True),
        Index("challenge_due", "state", "due"),
        Index("challenge_owner", "owner", "state"),
        CLUSTERED,
    )

    person: str = person_key()
    id: str = text_column(primary_key=True)
    owner: str = text_column()
    state: str = text_column()
    outcome: str = text_column()
    opened: int = number_column()
    due: int = number_column()
    reminded: int | None = number_column(nullable=True)
    escalated: int | None = number_column(nullable=True)
    answered: int | None = number_column(nullable=True)
    sealed: bytes = bytes_column()
