"""What somebody was shown of a person last, and answers that are made while nobody waits."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import (
    CLUSTERED,
    bytes_column,
    number_column,
    of_person,
    person_key,
    text_column,
)


class LastLookRow(SQLModel, table=True):
    """The last time that somebody (``subject``: a keyed hash) was shown all that they may see of a person.

    ``sealed``: what it was, ids and versions; ``digest``: keyed, of that.
    """

    __tablename__ = "last_look"
    __table_args__ = (CLUSTERED,)

    person: str = person_key()
    subject: str = text_column(primary_key=True)
    at: int = number_column()
    digest: bytes = bytes_column()
    sealed: bytes = bytes_column()


class JobRow(SQLModel, table=True):
    """An answer that is made while nobody waits, for the one subject that asked (a keyed hash).

    ``state``: running, done, failed. ``lease``: when a process that still works on it would have said so;
    ``takes``: how often one has taken it. ``sealed``: the question, by the person's key, until the answer is
    there. ``snapshot``: what was found, pinned.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("job_expires", "expires"),
        Index("job_person", "person"),
        Index("job_state", "state", "lease"),
        CLUSTERED,
    )

    id: str = text_column(primary_key=True)
    person: str = of_person()
    subject: str = text_column()
    state: str = text_column()
    created: int = number_column()
    lease: int = number_column()
    expires: int = number_column()
    snapshot: str = text_column()
    takes: int = number_column()
    sealed: bytes = bytes_column()
