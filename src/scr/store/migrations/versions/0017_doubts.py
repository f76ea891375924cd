"""What the national register says of a person's number and a human has to look into."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "person_doubt",
        sa.Column("person", sa.Text(), sa.ForeignKey("person.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("code", sa.Text(), primary_key=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("person_doubt")
