"""What each feed sends, as a profile, and how payloads departed from it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "feed_profile",
        *_text("provider", "feed", "adapter"),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "feed", "adapter"),
    )
    op.create_table(
        "drift_event",
        *_text("id"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *_text("provider", "feed", "adapter", "message", "kind", "field", "detail", "action"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("drift_event_at", "drift_event", ["at"])


def downgrade() -> None:
    """Drop the tables: every feed is learnt anew."""
    op.drop_table("drift_event")
    op.drop_table("feed_profile")
