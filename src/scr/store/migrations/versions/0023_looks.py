"""What somebody was shown last of a person, and answers that are made while nobody waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def _person(*, primary_key: bool) -> sa.Column[str]:
    key = sa.ForeignKey("person.key", ondelete="CASCADE")
    return sa.Column("person", sa.Text(), key, primary_key=primary_key, nullable=False)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "last_look",
        _person(primary_key=True),
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Text(), primary_key=True),
        _person(primary_key=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("subject", "state")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created", "lease", "expires")),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("job_expires", "job", ["expires"])
    op.create_index("job_person", "job", ["person"])


def downgrade() -> None:
    """Drop them: what was asked for and not fetched has to be asked for again."""
    op.drop_table("job")
    op.drop_table("last_look")
