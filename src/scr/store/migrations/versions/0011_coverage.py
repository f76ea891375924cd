"""The fields that each adapter met, by day and by what became of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KEY = ("day", "provider", "adapter", "writer")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "coverage_day",
        *(sa.Column(name, sa.Text(), nullable=False) for name in _KEY),
        sa.Column("fields", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(*_KEY),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop it, and with it the figures of the days past."""
    op.drop_table("coverage_day")
