"""What a person has said of the sharing of their record, as rules that are ready to be asked."""

from __future__ import annotations

from sqlmodel import SQLModel

from scr.store.tables.columns import CLUSTERED, bytes_column, person_key


class SharingRow(SQLModel, table=True):
    """The rules of a person's Consents that are in force; nobody who has none has a row."""

    __tablename__ = "sharing"
    __table_args__ = (CLUSTERED,)

    person: str = person_key()
    sealed: bytes = bytes_column()
