"""People are found by parts of their names with their birth date: keyed hashes, beside those of numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table. Those who are held are put into it by the running program, which has the keys."""
    op.create_table(
        "person_trace",
        sa.Column("person", sa.Text, sa.ForeignKey("person.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("token", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("person_trace_token", "person_trace", ["token"])


def downgrade() -> None:
    """Let go of it: nobody is found by name then."""
    op.drop_table("person_trace")
