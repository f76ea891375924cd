"""Whose data key is being changed, and how far that is; and whose data are to be erased."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import CLUSTERED, bytes_column, number_column, person_key, text_column


class KeyTurnRow(SQLModel, table=True):
    """That a person's data key is being changed (``scr.store.turning``).

    ``stage``: announced, turned, resealed. ``at`` is when the key's row changed last (ms UTC).
    """

    __tablename__ = "key_turn"
    __table_args__ = (Index("key_turn_stage", "stage", "at"), CLUSTERED)

    person: str = person_key()
    stage: str = text_column()
    at: int = number_column()


class ErasureRow(SQLModel, table=True):
    """That somebody asked for a person to be erased, which another has to confirm until ``until`` (ms UTC).

    ``sealed``: who asked, and why, with the person's key: it goes with them.
    """

    __tablename__ = "erasure"
    __table_args__ = (Index("erasure_id", "id", unique=True), CLUSTERED)

    person: str = person_key()
    id: str = text_column()
    at: int = number_column()
    until: int = number_column()
    sealed: bytes = bytes_column()
