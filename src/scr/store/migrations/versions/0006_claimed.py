"""What makes a record honest: whose a part in quarantine says it is, and when a feed sent last.

A part in quarantine has a keyed hash of the number that it names, so that the record of that person
tells that it is held back. The messages of a feed are found by their time.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the indexes; of what stands in quarantine already it is not known."""
    op.add_column("quarantine", sa.Column("claimed", sa.Text(), nullable=True))
    op.create_index("quarantine_claimed", "quarantine", ["claimed", "state"])
    op.create_index("message_feed", "message", ["provider", "feed", "received"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("message_feed", "message")
    op.drop_index("quarantine_claimed", "quarantine")
    op.drop_column("quarantine", "claimed")
