"""What a live resource was when it was served last, sealed: to be decided on while its source is down."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of what was served before it is not known."""
    op.add_column("locator", sa.Column("head", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("locator", "head")
