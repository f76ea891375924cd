"""When a relationship was last told, and what users claim for themselves."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
needs_stop = "relationships are written anew"

_TEXTS = ("kind", "subject", "name", "role", "role_name", "organisation", "organisation_name", "purpose")


def _later(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def upgrade() -> None:
    """Add the column, and make the table.

    Nobody knows when a relationship of before was last told: its time runs from now.
    """
    op.add_column("relationship", sa.Column("seen", sa.BigInteger(), nullable=False, server_default="0"))
    now = time.time_ns() // 1_000_000
    op.execute(sa.text("UPDATE relationship SET seen = :now").bindparams(now=now))
    op.create_table(
        "claim",
        sa.Column("person", sa.Text(), sa.ForeignKey("person.key", ondelete="CASCADE"), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("withdrawn", sa.BigInteger(), nullable=True),
        _later("withdrawn_by"),
        sa.Column("reviewed", sa.BigInteger(), nullable=True),
        _later("reviewed_by"),
        _later("verdict"),
        sa.Column("review", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("person", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("claim_id", "claim", ["id"], unique=True)
    op.create_index("claim_since", "claim", ["since"])
    op.create_index("claim_subject", "claim", ["subject", "until"])


def downgrade() -> None:
    """Drop both: every broken glass is whole again."""
    op.drop_table("claim")
    op.drop_column("relationship", "seen")
