"""Neighbouring shared care records as clients: who tells of their professionals, and which these may be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_NAMES = ("issuer", "speaks_for", "roles")


def upgrade() -> None:
    """Add the columns of a client that are a neighbour's."""
    for name in _NAMES:
        op.add_column("client", sa.Column(name, sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them: no neighbour asks for anybody then."""
    for name in reversed(_NAMES):
        op.drop_column("client", name)
