"""Run by Alembic for every command: uses the connection that `simpatico.profiles.migrate` hands over, and its transaction."""

from alembic import context

from simpatico.profiles.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite", transactional_ddl=False
)
context.run_migrations()
