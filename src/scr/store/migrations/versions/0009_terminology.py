"""Codes without a translation, and how far a remap has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_KEY = ("provider", "system", "code", "writer")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "code_gap",
        *(sa.Column(name, sa.Text(), nullable=False) for name in _KEY),
        sa.Column("count", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("first", "last", "reason", "display")),
        sa.PrimaryKeyConstraint(*_KEY),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "remap",
        sa.Column("scope", sa.Text(), primary_key=True),
        sa.Column("maps", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("started", "finished")),
        sa.Column("position", sa.Text(), nullable=False),
        *(sa.Column(n, sa.BigInteger(), nullable=False) for n in ("people", "resources", "changed", "left")),
    )


def downgrade() -> None:
    """Drop them, and with them what was counted."""
    op.drop_table("remap")
    op.drop_table("code_gap")
