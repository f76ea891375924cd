"""Who is named by messages that wait for the national register to answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "waiting",
        sa.Column("message", sa.Text(), primary_key=True),
        sa.Column("claimed", sa.Text(), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("waiting_claimed", "waiting", ["claimed"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("waiting")
