"""Who may act for whom, whether somebody can decide for themselves, and questions about looks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def _of_person() -> sa.Column[str]:
    return sa.Column("person", sa.Text(), sa.ForeignKey("person.key", ondelete="CASCADE"), nullable=False)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "delegation",
        _of_person(),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("carer", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        _number("code_until", nullable=True),
        _number("since"),
        _number("until"),
        _number("used", nullable=True),
        _number("ended", nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("person", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("delegation_id", "delegation", ["id"], unique=True)
    op.create_index("delegation_code", "delegation", ["code"], unique=True)
    op.create_index("delegation_carer", "delegation", ["carer"])
    op.create_table(
        "capacity",
        _of_person(),
        sa.Column("id", sa.Text(), nullable=False),
        _number("at"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("person", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "look_question",
        _of_person(),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("look", sa.Text(), nullable=False),
        _number("asked"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _number("answered", nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("person", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("look_question_id", "look_question", ["id"], unique=True)
    op.create_index("look_question_asked", "look_question", ["answered", "asked"])


def downgrade() -> None:
    """Drop them: no carer has access by them any more."""
    op.drop_table("look_question")
    op.drop_table("capacity")
    op.drop_table("delegation")
