"""What was not carried, counted by provider, adapter and day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = ("day", "provider", "adapter", "kind", "name", "writer")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "loss_day",
        *(sa.Column(name, sa.Text(), nullable=False) for name in _KEY),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*_KEY),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop the table, and with it what was counted."""
    op.drop_table("loss_day")
