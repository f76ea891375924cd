"""Who is linked with whom, what a merge moved, and who is never to be linked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Text
from sqlmodel import Field, SQLModel

from scr.store.tables.columns import CLUSTERED, bytes_column, number_column, of_person, text_column


class LinkRow(SQLModel, table=True):
    """That two persons are one, or that a provider's identifier of one is the other's too.

    ``sealed`` (reasons and evidence) is sealed with both persons' keys. ``state``: in-force, undone.
    """

    __tablename__ = "link"
    __table_args__ = (
        Index("link_former", "former", "state"),
        Index("link_retained", "retained", "state"),
        Index("link_at", "at"),
    )

    id: str = text_column(primary_key=True)
    kind: str = text_column()
    former: str = of_person()
    retained: str = of_person()
    provider: str = text_column()
    state: str = text_column()
    at: int = number_column()
    by_name: str = text_column()
    undone_at: int | None = number_column(nullable=True)
    undone_by: str = text_column()
    sealed: bytes = bytes_column()


def _of_link() -> Any:
    return Field(sa_column=Column(Text, ForeignKey("link.id", ondelete="CASCADE"), primary_key=True))


class MovedRow(SQLModel, table=True):
    """A resource that a merge took to the other person, and its version until then."""

    __tablename__ = "moved"
    __table_args__ = (Index("moved_id", "id"), CLUSTERED)

    link: str = _of_link()
    id: str = text_column(primary_key=True)
    version: int = number_column()


class BarRow(SQLModel, table=True):
    """That two persons, or one and any other, are never linked. ``token``: a keyed hash of the numbers.

    It has no person in it, and tells of none; it outlives them.
    """

    __tablename__ = "link_bar"

    token: str = text_column(primary_key=True)
    id: str = text_column()
    at: int = number_column()
    wrapped_key: bytes = bytes_column()
    sealed: bytes = bytes_column()
    keyed: int | None = number_column(nullable=True)
