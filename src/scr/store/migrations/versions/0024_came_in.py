"""Which message a resource came in, and which adapter read a message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_COLUMNS = (("resource", "message"), ("resource_history", "message"), ("message", "adapter"))


def upgrade() -> None:
    """Add the columns; of what was filed before, it is not known."""
    for table, column in _COLUMNS:
        op.add_column(table, sa.Column(column, sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    for table, column in _COLUMNS:
        op.drop_column(table, column)
