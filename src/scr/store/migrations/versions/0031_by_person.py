"""Whose a held resource is has a table of its own; on PostgreSQL a record's tables are in parts by person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None
needs_stop = "rows are moved: to a question that began before they would be gone"

_PARTS = 16
_TABLES = {
    "resource": "person, id",
    "resource_history": "person, id, version",
    "pulled": "person, source",
}
"""The tables with a row for each thing that is known of a person, and their primary keys."""


def upgrade() -> None:
    """Say of each held resource whose it is, and move the rows into parts: PostgreSQL writes each anew."""
    op.create_table(
        "held",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "type", "person", "source")),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO held (id, type, person, source) SELECT id, type, person, source FROM resource")
    op.drop_index("resource_id", "resource")
    op.drop_index("resource_history_id", "resource_history")
    if op.get_context().dialect.name == "postgresql":
        op.drop_index("pulled_at", "pulled")
        for table in _TABLES:
            _move(table, " PARTITION BY HASH (person)", _PARTS)
        op.create_index("pulled_at", "pulled", ["at"])


def downgrade() -> None:
    """Put them together again: an id is found by an index. Nobody else may read meanwhile."""
    if op.get_context().dialect.name == "postgresql":
        op.drop_index("pulled_at", "pulled")
        for table in _TABLES:
            _move(table, "", 0)
        op.create_index("pulled_at", "pulled", ["at"])
    op.create_index("resource_id", "resource", ["id"], unique=True)
    op.create_index("resource_history_id", "resource_history", ["id"])
    op.drop_table("held")


def _move(table: str, partitioned: str, parts: int) -> None:
    """The same columns, other storage: every row goes from the one to the other. Indexes are made again."""
    op.execute(f"ALTER TABLE {table} RENAME TO {table}_before")
    op.execute(f"CREATE TABLE {table} (LIKE {table}_before INCLUDING DEFAULTS){partitioned}")
    for number in range(parts):
        op.execute(
            f"CREATE TABLE {table}_{number:02} PARTITION OF {table}"
            f" FOR VALUES WITH (MODULUS {parts}, REMAINDER {number})"
        )
    op.execute(f"INSERT INTO {table} SELECT * FROM {table}_before")  # noqa: S608 - names from above
    op.execute(f"DROP TABLE {table}_before")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY ({_TABLES[table]})")
    op.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_person_fkey"
        " FOREIGN KEY (person) REFERENCES person (key) ON DELETE CASCADE"
    )
