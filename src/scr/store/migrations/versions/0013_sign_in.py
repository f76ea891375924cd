"""Clients that may ask for tokens, what counts once, and the sessions of the pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_CLIENT = ("kind", "name", "organisation", "scopes", "key_set", "key_set_url")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "client",
        sa.Column("id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _CLIENT),
        sa.Column("registered", sa.BigInteger(), nullable=False),
        sa.Column("disabled", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "spent",
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("spent_until", "spent", ["until"])
    op.create_table(
        "session",
        sa.Column("key", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("began", "used", "ends")),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("wrapped_key", "sealed")),
    )
    op.create_index("session_ends", "session", ["ends"])


def downgrade() -> None:
    """Drop them: nobody is signed in then, and no client is registered."""
    for name in ("session", "spent", "client"):
        op.drop_table(name)
