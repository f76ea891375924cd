"""The kinds of columns: the same on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, Text
from sqlmodel import Field

CLUSTERED = {"sqlite_with_rowid": False}
"""On SQLite, rows lie in the order of their primary key."""

BY_PERSON = {**CLUSTERED, "postgresql_partition_by": "HASH (person)"}
"""The same; on PostgreSQL in ``PARTITIONS`` parts, by a hash of the person's key (docs/scale.md)."""

PARTITIONS = 16
"""A power of two: twice as many are each half of one."""


def text_column(**options: Any) -> Any:
    """A text."""
    return Field(sa_type=Text, **options)


def number_column(**options: Any) -> Any:
    """A whole number of 64 bits: an instant is milliseconds UTC."""
    return Field(sa_type=BigInteger, **options)


def bytes_column(**options: Any) -> Any:
    """Bytes: sealed, or a digest."""
    return Field(sa_type=LargeBinary, **options)


def person_key() -> Any:
    """The person's key: first in the primary key, and gone with the person."""
    return Field(sa_column=Column(Text, ForeignKey("person.key", ondelete="CASCADE"), primary_key=True))


def of_person() -> Any:
    """The person's key in a table that is found by something else."""
    return Field(sa_column=Column(Text, ForeignKey("person.key", ondelete="CASCADE"), nullable=False))
