"""What Alembic runs: the migrations, on the connection that ``migrate`` hands over."""

from __future__ import annotations

from alembic import context

from scr.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
