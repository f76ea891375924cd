"""Which versions of the program the tables still serve: a former one may run on newer tables, or may not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Have room for it beside the revision itself."""
    op.add_column("alembic_version", sa.Column("least", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop it: the versions before do not ask."""
    op.drop_column("alembic_version", "least")
