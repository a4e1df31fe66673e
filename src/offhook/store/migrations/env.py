"""What Alembic runs: migrate on the connection that `schema.upgrade` gives, in its transaction."""

from __future__ import annotations

from alembic import context

from offhook.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
