"""Alerts on their way out of the house. They name nobody: whoever follows one finds the claim."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import number_column, text_column


class AlertRow(SQLModel, table=True):
    """One alert. ``id`` is the claim's; ``taken`` the ways that have taken it, separated by spaces.

    ``next`` is when it is tried again, or until when a process that tries it has it for itself; ``done``
    is empty until every way has taken it. ``problem`` is a code of what went wrong last.
    ``about`` is whom it is for, where that is not whoever watches: a Patient's logical id, or an ODS code.
    """

    __tablename__ = "alert"
    __table_args__ = (Index("alert_next", "done", "next"),)

    id: str = text_column(primary_key=True)
    kind: str = text_column()
    at: int = number_column()
    next: int = number_column()
    tries: int = number_column()
    taken: str = text_column()
    problem: str = text_column()
    done: int | None = number_column(nullable=True)
    about: str = text_column(sa_column_kwargs={"server_default": ""}, default="")
