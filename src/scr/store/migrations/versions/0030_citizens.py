"""What citizens are told, and what they say is wrong; an alert says for whom it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def _person() -> sa.Column[str]:
    return sa.Column("person", sa.Text, sa.ForeignKey("person.key", ondelete="CASCADE"), primary_key=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "notice",
        _person(),
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "notice_choice",
        _person(),
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("page", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "challenge",
        _person(),
        sa.Column("id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("owner", "state", "outcome")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("opened", "due")),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("reminded", "escalated", "answered")),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("challenge_id", "challenge", ["id"], unique=True)
    op.create_index("challenge_due", "challenge", ["state", "due"])
    op.create_index("challenge_owner", "challenge", ["owner", "state"])
    op.add_column("alert", sa.Column("about", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them: whoever said that something is wrong has said it in the record as well, by a Task."""
    op.drop_column("alert", "about")
    op.drop_table("challenge")
    op.drop_table("notice_choice")
    op.drop_table("notice")
