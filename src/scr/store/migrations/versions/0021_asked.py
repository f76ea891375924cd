"""An audit row is found by the id of its request."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("audit_correlation", "audit", ["correlation"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("audit_correlation", "audit")
