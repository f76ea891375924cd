"""How far the change of a data key is, and who is to be erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scr.errors import Conflict

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def _person() -> sa.Column[str]:
    return sa.Column("person", sa.Text, sa.ForeignKey("person.key", ondelete="CASCADE"), primary_key=True)


def upgrade() -> None:
    """Make the tables, and room for when a key was changed."""
    op.create_table(
        "key_turn",
        _person(),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("key_turn_stage", "key_turn", ["stage", "at"])
    op.create_table(
        "erasure",
        _person(),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("erasure_id", "erasure", ["id"], unique=True)
    op.add_column("person", sa.Column("keyed", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Drop them. A key that was changed is longer than versions before this one can read: let none be."""
    changed = sa.text(
        "SELECT EXISTS (SELECT 1 FROM person WHERE keyed IS NOT NULL) OR EXISTS (SELECT 1 FROM key_turn)"
    )
    if op.get_bind().execute(changed).scalar_one():
        raise Conflict("data keys were changed: a version before 0032 cannot open them", code="keys-changed")
    op.drop_column("person", "keyed")
    op.drop_table("erasure")
    op.drop_table("key_turn")
