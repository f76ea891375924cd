"""Apps that act for people: what they were let do, their refresh tokens, launches, and who is asked once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_OF_APPS = ("redirect_uris", "people", "consent")
_OF_LAUNCH = ("system", "organisation", "app", "patient")


def upgrade() -> None:
    """Make the tables, and the columns of a client that are an app's."""
    for name in _OF_APPS:
        op.add_column("client", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    _grants()
    op.create_table(
        "app_launch",
        sa.Column("digest", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _OF_LAUNCH),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("banner", "until")),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_index("app_launch_until", "app_launch", ["until"])
    op.create_table(
        "app_approval",
        sa.Column("client", sa.Text(), primary_key=True),
        sa.Column("login", sa.Text(), primary_key=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )


def _grants() -> None:
    op.create_table(
        "app_grant",
        sa.Column("id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("client", "code")),
        sa.Column("code_until", sa.BigInteger(), nullable=False),
        sa.Column("code_used", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("began", "ends")),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("login", "sign_in", "upstream")),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("wrapped_key", "sealed")),
    )
    op.create_index("app_grant_code", "app_grant", ["code"], unique=True)
    for name in ("login", "sign_in", "upstream", "ends"):
        op.create_index(f"app_grant_{name}", "app_grant", [name])
    op.create_table(
        "app_refresh",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("grant", sa.Text(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_index("app_refresh_ends", "app_refresh", ["ends"])


def downgrade() -> None:
    """Drop them: no app acts for anybody then."""
    for name in ("app_approval", "app_launch", "app_refresh", "app_grant"):
        op.drop_table(name)
    for name in reversed(_OF_APPS):
        op.drop_column("client", name)
