"""When the data key of what is no person's was changed last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_TABLES = ("message", "link_bar", "session", "app_grant", "misuse_staff", "misuse_vip", "misuse_finding")


def upgrade() -> None:
    """Have room for it."""
    for table in _TABLES:
        op.add_column(table, sa.Column("keyed", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Drop it: a new key is like the ones before."""
    for table in _TABLES:
        op.drop_column(table, "keyed")
