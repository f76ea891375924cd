"""Apps that act for people: what somebody let an app do, and what it holds to show for it."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from scr.store.tables.columns import CLUSTERED, bytes_column, number_column, text_column


class GrantRow(SQLModel, table=True):
    """What one person let one app do at one sign-in. Of the code and of the person stand keyed hashes.

    ``login`` is of whoever signed in, ``sign_in`` of this sign-in of theirs, ``upstream`` of its session at
    whoever proved them. ``ended`` is when it was ended before its time.
    """

    __tablename__ = "app_grant"
    __table_args__ = (
        Index("app_grant_code", "code", unique=True),
        Index("app_grant_login", "login"),
        Index("app_grant_sign_in", "sign_in"),
        Index("app_grant_upstream", "upstream"),
        Index("app_grant_ends", "ends"),
    )

    id: str = text_column(primary_key=True)
    client: str = text_column()
    code: str = text_column()
    code_until: int = number_column()
    code_used: int | None = number_column(nullable=True)
    began: int = number_column()
    ends: int = number_column()
    ended: int | None = number_column(nullable=True)
    login: str = text_column()
    sign_in: str = text_column()
    upstream: str = text_column()
    wrapped_key: bytes = bytes_column()
    sealed: bytes = bytes_column()
    keyed: int | None = number_column(nullable=True)


class RefreshRow(SQLModel, table=True):
    """A refresh token of a grant, by a keyed hash; ``used`` when another took its place."""

    __tablename__ = "app_refresh"
    __table_args__ = (Index("app_refresh_ends", "ends"), CLUSTERED)

    digest: str = text_column(primary_key=True)
    grant: str = text_column()
    ends: int = number_column()
    used: int | None = number_column(nullable=True)


class LaunchRow(SQLModel, table=True):
    """That a system opened an app for one patient: a keyed hash of its handle, and what it stands for.

    ``patient`` is the logical id of the Patient as the system gave it; ``banner`` 1 where the app has to show
    whose record it is.
    """

    __tablename__ = "app_launch"
    __table_args__ = (Index("app_launch_until", "until"), CLUSTERED)

    digest: str = text_column(primary_key=True)
    system: str = text_column()
    organisation: str = text_column()
    app: str = text_column()
    patient: str = text_column()
    banner: int = number_column()
    until: int = number_column()
    used: int | None = number_column(nullable=True)


class ApprovalRow(SQLModel, table=True):
    """The scopes that somebody (a keyed hash) has let an app have, and is not asked about again."""

    __tablename__ = "app_approval"
    __table_args__ = (CLUSTERED,)

    client: str = text_column(primary_key=True)
    login: str = text_column(primary_key=True)
    scopes: str = text_column()
    at: int = number_column()
