"""Codes without a translation, and how far the store has been gone through with new maps."""

from __future__ import annotations

from sqlmodel import SQLModel

from scr.store.tables.columns import CLUSTERED, number_column, text_column


class CodeGapRow(SQLModel, table=True):
    """How often a code without a translation was met at a provider (``scr.terminology.gapwords``).

    ``first`` and ``last`` are dates in London, ``reason`` the last one. ``writer`` is whoever counted, so
    that no two writers wait for one row; the sum is what is told.
    """

    __tablename__ = "code_gap"
    __table_args__ = (CLUSTERED,)

    provider: str = text_column(primary_key=True)
    system: str = text_column(primary_key=True)
    code: str = text_column(primary_key=True)
    writer: str = text_column(primary_key=True)
    count: int = number_column()
    first: str = text_column()
    last: str = text_column()
    reason: str = text_column()
    display: str = text_column()


class RemapRow(SQLModel, table=True):
    """A run over what is stored, by what it is of (a provider, or all). ``position`` is the person done last.

    ``maps`` says what was in force; ``finished`` is 0 while it is under way. Times in ms UTC.
    """

    __tablename__ = "remap"

    scope: str = text_column(primary_key=True)
    maps: str = text_column()
    started: int = number_column()
    finished: int = number_column()
    position: str = text_column()
    people: int = number_column()
    resources: int = number_column()
    changed: int = number_column()
    left: int = number_column()
