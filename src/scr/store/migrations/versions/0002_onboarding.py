"""The register of providers: the gates that each passed or lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table. No provider has an event in it: none is live until it is promoted."""
    names = (
        "kind", "gate", "stage", "by_name", "actor", "reference", "digest", "report", "note", "testers",
    )  # fmt: skip
    op.create_table(
        "onboarding_event",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in names),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("onboarding_event_provider", "onboarding_event", ["provider", "seq"])


def downgrade() -> None:
    """Drop the table, and with it every provider's history."""
    op.drop_table("onboarding_event")
