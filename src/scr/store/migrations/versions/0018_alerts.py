"""How often something was tried, counted for all processes; and the alerts that go out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "attempts",
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("attempts_until", "attempts", ["until"])
    op.create_table(
        "alert",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("at", "next", "tries")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("taken", "problem")),
        sa.Column("done", sa.BigInteger(), nullable=True),
    )
    op.create_index("alert_next", "alert", ["done", "next"])


def downgrade() -> None:
    """Drop them: what could not be delivered so far is in the worklist only."""
    op.drop_table("alert")
    op.drop_table("attempts")
