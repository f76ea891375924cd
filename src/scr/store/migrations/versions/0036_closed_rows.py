"""The fields of a row of the audit are hidden one by one: a person can be shown some and not the others.

Whoever goes back keeps by what the rows were hidden, in a table of its own: without it they could never be
verified again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_KEPT = "audit_closed"
_GUARDS = {
    "sqlite": ("DROP TRIGGER audit_no_update",),
    "postgresql": ("ALTER TABLE audit DISABLE TRIGGER audit_append_only",),
}
_GUARDED = {
    "sqlite": (
        "CREATE TRIGGER audit_no_update BEFORE update ON audit BEGIN SELECT RAISE(ABORT, 'kept'); END",
    ),
    "postgresql": ("ALTER TABLE audit ENABLE TRIGGER audit_append_only",),
}
_NAMES = ("version", "salt", "told")
_BACK = (
    "UPDATE audit SET version = (SELECT k.version FROM audit_closed k WHERE k.id = audit.id),"
    " salt = (SELECT k.salt FROM audit_closed k WHERE k.id = audit.id),"
    " told = (SELECT k.told FROM audit_closed k WHERE k.id = audit.id)"
    " WHERE id IN (SELECT id FROM audit_closed) AND chain <> 'before'"
)


def upgrade() -> None:
    """Add the columns; put back what was kept of rows that stand where they did."""
    op.add_column("audit", sa.Column("version", sa.BigInteger, nullable=False, server_default="1"))
    op.add_column("audit", sa.Column("salt", sa.LargeBinary, nullable=True))
    op.add_column("audit", sa.Column("told", sa.Text, nullable=True))
    op.create_index("audit_seal_at", "audit_seal", ["at"])
    if _KEPT in sa.inspect(op.get_bind()).get_table_names():
        name = op.get_context().dialect.name
        for sql in (*_GUARDS[name], _BACK, *_GUARDED[name]):
            op.execute(sql)
        op.drop_table(_KEPT)


def downgrade() -> None:
    """Drop the columns; keep what they held."""
    if op.get_bind().execute(sa.text("SELECT 1 FROM audit WHERE version > 1 LIMIT 1")).first():
        op.execute("CREATE TABLE audit_closed AS SELECT id, version, salt, told FROM audit WHERE version > 1")
    op.drop_index("audit_seal_at", "audit_seal")
    for name in _NAMES:
        op.drop_column("audit", name)
