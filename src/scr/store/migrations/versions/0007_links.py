"""Persons that are linked, what a merge moved, and bars; under which identifier a resource was filed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and columns; of what was filed before, the identifier is not known."""
    op.add_column("person", sa.Column("view", sa.Text(), nullable=True))
    linked = sa.text("view IS NOT NULL")
    op.create_index("person_view", "person", ["view"], sqlite_where=linked, postgresql_where=linked)
    for table in ("resource", "resource_history"):
        op.add_column(table, sa.Column("filed_under", sa.LargeBinary(), nullable=True))
    op.create_table(
        "link",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        _person("former"),
        _person("retained"),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_index("link_former", "link", ["former", "state"])
    op.create_index("link_retained", "link", ["retained", "state"])
    op.create_index("link_at", "link", ["at"])
    op.create_table(
        "moved",
        sa.Column("link", sa.Text(), sa.ForeignKey("link.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("moved_id", "moved", ["id"])
    op.create_table(
        "link_bar",
        sa.Column("token", sa.Text(), primary_key=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("link_bar", "moved", "link"):
        op.drop_table(table)
    for table in ("resource", "resource_history"):
        op.drop_column(table, "filed_under")
    op.drop_index("person_view", "person")
    op.drop_column("person", "view")


def _person(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), sa.ForeignKey("person.key", ondelete="CASCADE"), nullable=False)
