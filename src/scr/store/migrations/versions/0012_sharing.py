"""What persons have said of the sharing of their records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "sharing",
        sa.Column("person", sa.Text(), sa.ForeignKey("person.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop it: the Consents themselves stay, and are not asked."""
    op.drop_table("sharing")
