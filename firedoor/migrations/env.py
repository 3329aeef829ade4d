"""What Alembic asks for: the connection it is to work on, and the tables as they should be. Loaded by Alembic alone."""

from __future__ import annotations

from alembic import context

from firedoor.migrations import VERSION
from firedoor.tables import metadata

connection = context.config.attributes.get("connection")
context.configure(
    connection=connection,
    dialect_name=None if connection is not None else "postgresql",  # without one, it prints the statements for PostgreSQL
    target_metadata=metadata,
    version_table=VERSION.name,
)
with context.begin_transaction():
    context.run_migrations()
