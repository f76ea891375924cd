"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _number(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _bytes(*names: str) -> list[sa.Column[bytes]]:
    return [sa.Column(name, sa.LargeBinary(), nullable=False) for name in names]


def _of_person() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["person"], ["person.key"], ondelete="CASCADE")


def upgrade() -> None:
    """Make the tables."""
    _people()
    _resources()
    _messages()
    _audit()


def _people() -> None:
    op.create_table(
        "person",
        *_text("key", "patient_id"),
        *_bytes("wrapped_key"),
        *_number("created"),
        *_bytes("sealed"),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )
    op.create_index("person_patient_id", "person", ["patient_id"], unique=True)
    op.create_table(
        "person_index",
        *_text("token", "person", "kind"),
        _of_person(),
        sa.PrimaryKeyConstraint("token"),
        sqlite_with_rowid=False,
    )
    op.create_index("person_index_person", "person_index", ["person"])
    op.create_table(
        "relationship",
        *_text("person", "organisation", "kind", "source"),
        *_number("since"),
        sa.Column("until", sa.BigInteger(), nullable=True),
        _of_person(),
        sa.PrimaryKeyConstraint("person", "organisation", "kind", "source"),
        sqlite_with_rowid=False,
    )


def _resources() -> None:
    op.create_table(
        "resource",
        *_text("person", "id", "type", "source"),
        *_number("version", "last_updated"),
        *_bytes("digest", "sealed"),
        _of_person(),
        sa.PrimaryKeyConstraint("person", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("resource_id", "resource", ["id"], unique=True)
    op.create_table(
        "resource_history",
        *_text("person", "id"),
        *_number("version"),
        *_text("type", "source"),
        *_number("last_updated"),
        *_bytes("digest", "sealed"),
        _of_person(),
        sa.PrimaryKeyConstraint("person", "id", "version"),
        sqlite_with_rowid=False,
    )
    op.create_index("resource_history_id", "resource_history", ["id"])
    op.create_table(
        "locator",
        *_text("id", "type", "person", "source"),
        _of_person(),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_index("locator_person", "locator", ["person"])
    op.create_table(
        "snapshot",
        *_text("id", "person", "subject"),
        *_number("created", "expires"),
        *_bytes("sealed"),
        _of_person(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("snapshot_expires", "snapshot", ["expires"])
    op.create_index("snapshot_person", "snapshot", ["person"])


def _messages() -> None:
    op.create_table(
        "message",
        *_text("id", "provider", "feed"),
        *_number("received"),
        *_bytes("digest"),
        *_text("state", "outcome"),
        sa.Column("person", sa.Text(), nullable=True),
        *_bytes("wrapped_key", "sealed"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("message_digest", "message", ["provider", "digest"], unique=True)
    op.create_index("message_state", "message", ["state", "received"])
    op.create_index("message_provider", "message", ["provider", "received"])
    op.create_index("message_person", "message", ["person"])
    op.create_table(
        "quarantine",
        *_text("id", "message", "provider", "adapter", "place", "code", "sentence"),
        *_number("created"),
        *_text("state"),
        *_number("attempts"),
        *_bytes("sealed"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("quarantine_state", "quarantine", ["state", "created"])
    op.create_index("quarantine_message", "quarantine", ["message"])


def _audit() -> None:
    op.create_table(
        "audit",
        *_text("id"),
        *_number("at"),
        *_text("actor", "actor_name", "role", "organisation", "action"),
        sa.Column("person", sa.Text(), nullable=True),
        *_text("purpose", "what", "outcome", "code", "policy", "correlation", "details"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_at", "audit", ["at"])
    op.create_index("audit_person", "audit", ["person", "at"])


def downgrade() -> None:
    """Drop the tables, the ones that refer to others first."""
    for table in (
        "audit", "quarantine", "message", "snapshot", "locator",
        "resource_history", "resource", "relationship", "person_index", "person",
    ):  # fmt: skip
        op.drop_table(table)
