"""Who may ask for tokens, what counts once, and who is signed in to the pages."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import CLUSTERED, bytes_column, number_column, text_column


class ClientRow(SQLModel, table=True):
    """A system or an app that the operator registered. Its keys here are public ones.

    ``scopes`` and ``redirect_uris`` are separated by spaces; ``key_set`` is a JSON Web Key Set, or empty
    where ``key_set_url`` is its address. An app without either proves nothing. ``people`` and ``consent``
    are an app's: whom it is for, and whether they are asked each time. ``issuer``, ``speaks_for``
    (``ODS=type``) and ``roles`` are a neighbour's: who tells of its professionals, and which they may be.
    """

    __tablename__ = "client"

    id: str = text_column(primary_key=True)
    kind: str = text_column()
    name: str = text_column()
    organisation: str = text_column()
    scopes: str = text_column()
    key_set: str = text_column()
    key_set_url: str = text_column()
    registered: int = number_column()
    disabled: int | None = number_column(nullable=True)
    redirect_uris: str = text_column(default="")
    people: str = text_column(default="")
    consent: str = text_column(default="")
    issuer: str = text_column(default="")
    speaks_for: str = text_column(default="")
    roles: str = text_column(default="")


class SpentRow(SQLModel, table=True):
    """What counts once and was used, or counts no more: a keyed hash, and until when that has to be known."""

    __tablename__ = "spent"
    __table_args__ = (Index("spent_until", "until"), CLUSTERED)

    kind: str = text_column(primary_key=True)
    digest: str = text_column(primary_key=True)
    until: int = number_column()


class SessionRow(SQLModel, table=True):
    """A signed-in browser, found by a keyed hash of its cookie; what it holds is sealed with its own key.

    ``login`` and ``upstream_session`` are keyed hashes too, of who signed in through whom, and of the
    session there: by them it is ended from there.
    """

    __tablename__ = "session"
    __table_args__ = (
        Index("session_ends", "ends"),
        Index("session_login", "login"),
        Index("session_upstream", "upstream_session"),
    )

    key: str = text_column(primary_key=True)
    began: int = number_column()
    used: int = number_column()
    ends: int = number_column()
    wrapped_key: bytes = bytes_column()
    sealed: bytes = bytes_column()
    login: str | None = text_column(nullable=True)
    upstream_session: str | None = text_column(nullable=True)
    keyed: int | None = number_column(nullable=True)
