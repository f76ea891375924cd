"""A person: their row, the blind index that finds them, and the organisations that know them."""

from __future__ import annotations

from sqlalchemy import Index, text
from sqlmodel import SQLModel

from scr.store.tables.columns import (
    CLUSTERED,
    bytes_column,
    number_column,
    of_person,
    person_key,
    text_column,
)


class PersonRow(SQLModel, table=True):
    """A person. ``wrapped_key``: the data key, wrapped; ``sealed``: NHS Number and demographics.

    ``revision`` grows with every change of the record, so that what was opened before is known as old.
    ``labelled`` seals what the record remembers of its labels (``scr.store.labelled``).
    ``view`` is the key of the person retained, where this one is linked with others; that one has it too.
    ``keyed`` is when the data key was changed last, empty where it is the first.
    """

    __tablename__ = "person"
    __table_args__ = (
        Index("person_patient_id", "patient_id", unique=True),
        Index(
            "person_view",
            "view",
            sqlite_where=text("view IS NOT NULL"),
            postgresql_where=text("view IS NOT NULL"),
        ),
        CLUSTERED,
    )

    key: str = text_column(primary_key=True)
    patient_id: str = text_column()
    wrapped_key: bytes = bytes_column()
    created: int = number_column()
    sealed: bytes = bytes_column()
    revision: int = number_column(sa_column_kwargs={"server_default": "0"}, default=0)
    view: str | None = text_column(nullable=True)
    labelled: bytes | None = bytes_column(nullable=True)
    keyed: int | None = number_column(nullable=True)


class PersonIndexRow(SQLModel, table=True):
    """The blind index: a keyed hash of an identifier finds a person. ``kind``: nhs-number, local."""

    __tablename__ = "person_index"
    __table_args__ = (Index("person_index_person", "person"), CLUSTERED)

    token: str = text_column(primary_key=True)
    person: str = of_person()
    kind: str = text_column()


class PersonTraceRow(SQLModel, table=True):
    """By which parts of their demographics a person is found: keyed hashes (``scr.identity.tracing``)."""

    __tablename__ = "person_trace"
    __table_args__ = (Index("person_trace_token", "token"), CLUSTERED)

    person: str = person_key()
    token: str = text_column(primary_key=True)


class RelationshipRow(SQLModel, table=True):
    """That an organisation has to do with a person. ``seen``: when it was last told, to the day; ``until``:
    the end that was told, empty while there is none."""

    __tablename__ = "relationship"
    __table_args__ = (CLUSTERED,)

    person: str = person_key()
    organisation: str = text_column(primary_key=True)
    kind: str = text_column(primary_key=True)
    source: str = text_column(primary_key=True)
    since: int = number_column()
    seen: int = number_column(sa_column_kwargs={"server_default": "0"}, default=0)
    until: int | None = number_column(nullable=True)


class PersonDoubtRow(SQLModel, table=True):
    """What the national register says of a number and a human has to look into; ``code`` says what."""

    __tablename__ = "person_doubt"
    __table_args__ = (CLUSTERED,)

    person: str = person_key()
    code: str = text_column(primary_key=True)
    since: int = number_column()
