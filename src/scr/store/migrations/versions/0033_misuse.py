"""Misuse: the audit as visits and days, the lists that it is held against, and what was found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def _texts(*names: str, key: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False, primary_key=key) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _sealed() -> list[sa.Column[bytes]]:
    return [sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("wrapped_key", "sealed")]


def _day() -> sa.Column[int]:
    return sa.Column("day", sa.BigInteger(), primary_key=True)


def upgrade() -> None:
    """Make the tables."""
    _visits()
    _lists()
    op.create_table(
        "misuse_finding",
        *_texts("id", key=True),
        *_texts("token"),
        sa.Column("person", sa.Text(), sa.ForeignKey("person.key", ondelete="CASCADE"), nullable=True),
        *_numbers("day", "at"),
        *_texts("actor", "actor_name", "role", "organisation", "look"),
        *_numbers("raised"),
        *_texts("status"),
        sa.Column("decided", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False, server_default=""),
        *_sealed(),
    )
    op.create_index("misuse_finding_token", "misuse_finding", ["token"], unique=True)
    op.create_index("misuse_finding_status", "misuse_finding", ["status", "at"])
    op.create_index("misuse_finding_person", "misuse_finding", ["person"])


def _visits() -> None:
    op.create_table("misuse_cursor", *_texts("chain", key=True), *_numbers("seq"), sqlite_with_rowid=False)
    op.create_table(
        "misuse_visit",
        _day(),
        *_texts("actor", "role", "organisation", "person", key=True),
        *_texts("actor_name", "look"),
        *_numbers("first", "last", "looks", "refused", "hours", "marks", "state"),
        sqlite_with_rowid=False,
    )
    op.create_index("misuse_visit_state", "misuse_visit", ["state", "day"])
    op.create_index("misuse_visit_person", "misuse_visit", ["person", "day"])
    op.create_table(
        "misuse_day",
        _day(),
        *_texts("actor", "role", "organisation", key=True),
        *_numbers("people", "night"),
        sqlite_with_rowid=False,
    )
    op.create_index("misuse_day_role", "misuse_day", ["role", "day"])
    op.create_index("misuse_day_place", "misuse_day", ["organisation", "day"])


def _lists() -> None:
    op.create_table(
        "misuse_staff",
        *_texts("token", key=True),
        *_texts("number", "family", "postcode", "organisation"),
        *_sealed(),
        sqlite_with_rowid=False,
    )
    op.create_index("misuse_staff_number", "misuse_staff", ["number"])
    op.create_table("misuse_vip", *_texts("number", key=True), *_sealed(), sqlite_with_rowid=False)


def downgrade() -> None:
    """Drop them: what was decided of findings stays in the audit."""
    for name in ("finding", "vip", "staff", "day", "visit", "cursor"):
        op.drop_table(f"misuse_{name}")
