"""What a record remembers of its labels, sealed beside the person, so that they reach what comes later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what was filed before there were labels has none."""
    op.add_column("person", sa.Column("labelled", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("person", "labelled")
