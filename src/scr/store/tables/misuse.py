"""What is made of the audit in search of misuse: who looked at whom, by day, and what was found."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Text
from sqlmodel import Field, SQLModel

from scr.store.tables.columns import CLUSTERED, bytes_column, number_column, text_column


class MisuseCursorRow(SQLModel, table=True):
    """Up to which place a chain of the audit was read."""

    __tablename__ = "misuse_cursor"
    __table_args__ = (CLUSTERED,)

    chain: str = text_column(primary_key=True)
    seq: int = number_column()


class MisuseVisitRow(SQLModel, table=True):
    """One user's looks at one person's record on one day (days since 1970, in London).

    ``person`` is the opaque key, empty for refusals about nobody known. ``look`` is the id of the first
    look's row of the audit, ``hours`` has a bit for each hour with a look, ``marks`` how they came.
    ``state``: 0 not judged since it changed, 1 judged while its day went on, 2 settled.
    """

    __tablename__ = "misuse_visit"
    __table_args__ = (
        Index("misuse_visit_state", "state", "day"),
        Index("misuse_visit_person", "person", "day"),
        CLUSTERED,
    )

    day: int = number_column(primary_key=True)
    actor: str = text_column(primary_key=True)
    role: str = text_column(primary_key=True)
    organisation: str = text_column(primary_key=True)
    person: str = text_column(primary_key=True)
    actor_name: str = text_column()
    look: str = text_column()
    first: int = number_column()
    last: int = number_column()
    looks: int = number_column()
    refused: int = number_column()
    hours: int = number_column()
    marks: int = number_column()
    state: int = number_column()


class MisuseDayRow(SQLModel, table=True):
    """At how many people a user looked on a day, and at how many of them at night."""

    __tablename__ = "misuse_day"
    __table_args__ = (
        Index("misuse_day_role", "role", "day"),
        Index("misuse_day_place", "organisation", "day"),
        CLUSTERED,
    )

    day: int = number_column(primary_key=True)
    actor: str = text_column(primary_key=True)
    role: str = text_column(primary_key=True)
    organisation: str = text_column(primary_key=True)
    people: int = number_column()
    night: int = number_column()


class MisuseStaffRow(SQLModel, table=True):
    """A member of staff as the deployment's list tells of them: keyed hashes to compare by, the rest sealed.

    ``token`` is of the user, ``number`` of the NHS Number (as the index of people has it), ``family`` and
    ``postcode`` of what stands there, empty where nothing does.
    """

    __tablename__ = "misuse_staff"
    __table_args__ = (Index("misuse_staff_number", "number"), CLUSTERED)

    token: str = text_column(primary_key=True)
    number: str = text_column()
    family: str = text_column()
    postcode: str = text_column()
    organisation: str = text_column()
    wrapped_key: bytes = bytes_column()
    sealed: bytes = bytes_column()
    keyed: int | None = number_column(nullable=True)


class MisuseVipRow(SQLModel, table=True):
    """Somebody on the list of those who are looked up by the curious: a keyed hash of the NHS Number, as the
    index of people has it. ``sealed`` is the number and why."""

    __tablename__ = "misuse_vip"
    __table_args__ = (CLUSTERED,)

    number: str = text_column(primary_key=True)
    wrapped_key: bytes = bytes_column()
    sealed: bytes = bytes_column()
    keyed: int | None = number_column(nullable=True)


class MisuseFindingRow(SQLModel, table=True):
    """What some rules raised of one user's looks on one day. Which, why, and what was said of it is sealed:
    that it is the user's own record would tell whose key it is.

    ``token`` is a keyed hash of what it is about, so that it is raised once. ``person`` is empty for what is
    about a whole day. ``look`` is the id of the look's row of the audit.
    """

    __tablename__ = "misuse_finding"
    __table_args__ = (
        Index("misuse_finding_token", "token", unique=True),
        Index("misuse_finding_status", "status", "at"),
        Index("misuse_finding_person", "person"),
    )

    id: str = text_column(primary_key=True)
    token: str = text_column()
    person: str | None = Field(
        default=None, sa_column=Column(Text, ForeignKey("person.key", ondelete="CASCADE"), nullable=True)
    )
    day: int = number_column()
    at: int = number_column()
    actor: str = text_column()
    actor_name: str = text_column()
    role: str = text_column()
    organisation: str = text_column()
    look: str = text_column()
    raised: int = number_column()
    status: str = text_column()
    decided: int | None = number_column(nullable=True)
    decided_by: str = text_column(sa_column_kwargs={"server_default": ""}, default="")
    wrapped_key: bytes = bytes_column()
    sealed: bytes = bytes_column()
    keyed: int | None = number_column(nullable=True)
