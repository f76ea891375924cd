"""Whose a part in quarantine says it is, as a keyed hash: their record tells that it is held back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and its index; of what stands in quarantine already it is not known."""
    op.add_column("quarantine", sa.Column("claimed", sa.Text(), nullable=True))
    op.create_index("quarantine_claimed", "quarantine", ["claimed", "state"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("quarantine_claimed", "quarantine")
    op.drop_column("quarantine", "claimed")
