"""A long payload lies beside its message: what comes of the message is then written without it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table. What was kept before stays where it is."""
    op.create_table(
        "long_payload",
        sa.Column("message", sa.Text, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Put each payload back with its message."""
    op.execute(
        "UPDATE message SET sealed = (SELECT l.sealed FROM long_payload l WHERE l.message = message.id)"
        " WHERE id IN (SELECT l.message FROM long_payload l)"
    )
    op.drop_table("long_payload")
