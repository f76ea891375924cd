"""When a sender said what is held: a message that comes late is no news."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of what was filed before, the time is not known."""
    for table in ("resource", "resource_history"):
        op.add_column(table, sa.Column("told", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    for table in ("resource", "resource_history"):
        op.drop_column(table, "told")
