"""Through whom a session began, so that it can be ended from there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_INDEXES = {"session_login": "login", "session_upstream": "upstream_session"}


def upgrade() -> None:
    """Add the columns: sessions that are there began with a token."""
    for name, column in _INDEXES.items():
        op.add_column("session", sa.Column(column, sa.Text(), nullable=True))
        op.create_index(name, "session", [column])


def downgrade() -> None:
    """Drop them: what began through an upstream lasts until its time is over."""
    for name, column in _INDEXES.items():
        op.drop_index(name, "session")
        op.drop_column("session", column)
