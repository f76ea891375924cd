"""What was asked of an answer that is fetched later, so that another process can make it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it; jobs of before have none, and are ended by the processes that began them."""
    op.add_column("job", sa.Column("takes", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column(
        "job", sa.Column("sealed", sa.LargeBinary(), nullable=False, server_default=sa.text(_nothing()))
    )
    op.create_index("job_state", "job", ["state", "lease"])


def downgrade() -> None:
    """Drop it: what nobody has made yet has to be asked for again."""
    op.drop_index("job_state", "job")
    op.drop_column("job", "sealed")
    op.drop_column("job", "takes")


def _nothing() -> str:
    return "x''" if op.get_bind().dialect.name == "sqlite" else "''::bytea"
