"""Each row of the audit hangs on the one before it; what stands already becomes one chain, in its order."""

from __future__ import annotations

import hashlib

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None
needs_stop = "every row of the audit is chained"

_COLUMNS = (
    "id",
    "at",
    "actor",
    "actor_name",
    "role",
    "organisation",
    "action",
    "person",
    "purpose",
    "what",
    "outcome",
    "code",
    "policy",
    "correlation",
    "details",
)
_BEFORE = "before"
_SQLITE = "CREATE TRIGGER audit_no_{verb} BEFORE {verb} ON audit BEGIN SELECT RAISE(ABORT, 'kept'); END"
_FUNCTION = (
    "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'append only'; END $$"
)
_POSTGRESQL = (
    "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()"
)


def upgrade() -> None:
    """Add the columns, hang what stands, make the other tables, and let nothing change a row."""
    op.create_table(
        "audit_chain",
        sa.Column("chain", sa.Text, primary_key=True),
        sa.Column("sealed", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_seal",
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("spans", sa.Text, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("parts", sa.LargeBinary, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    with op.batch_alter_table("audit") as table:
        table.add_column(sa.Column("chain", sa.Text, nullable=True))
        table.add_column(sa.Column("seq", sa.BigInteger, nullable=True))
        table.add_column(sa.Column("hash", sa.LargeBinary, nullable=True))
    _hang(op.get_bind())
    with op.batch_alter_table("audit") as table:
        for name in ("chain", "seq", "hash"):
            table.alter_column(name, nullable=False)
    op.create_index("audit_chain_seq", "audit", ["chain", "seq"], unique=True)
    if op.get_context().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(_SQLITE.format(verb=verb))
    else:
        op.execute(_FUNCTION)
        op.execute(_POSTGRESQL)


def _hang(connection: sa.Connection) -> None:
    names = ", ".join(_COLUMNS)
    query = f"SELECT {names} FROM audit ORDER BY at, id"  # noqa: S608
    update = sa.text("UPDATE audit SET chain = :chain, seq = :seq, hash = :hash WHERE id = :id")
    last, seq = bytes(32), 0
    for row in connection.execute(sa.text(query)).fetchall():
        seq += 1
        form = {**dict(zip(_COLUMNS, row, strict=True)), "chain": _BEFORE, "seq": seq}
        last = hashlib.sha256(last + orjson.dumps(form, option=orjson.OPT_SORT_KEYS)).digest()
        connection.execute(update, {"chain": _BEFORE, "seq": seq, "hash": last, "id": row[0]})
    if seq:
        connection.execute(sa.text("INSERT INTO audit_chain (chain, sealed) VALUES ('before', 0)"))


def downgrade() -> None:
    """Let go of the chains and their seals; the rows stand as they did."""
    if op.get_context().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(f"DROP TRIGGER audit_no_{verb}")
    else:
        op.execute("DROP TRIGGER audit_append_only ON audit")
        op.execute("DROP FUNCTION audit_append_only")
    op.drop_index("audit_chain_seq", "audit")
    with op.batch_alter_table("audit") as table:
        for name in ("chain", "seq", "hash"):
            table.drop_column(name)
    op.drop_table("audit_seal")
    op.drop_table("audit_chain")
