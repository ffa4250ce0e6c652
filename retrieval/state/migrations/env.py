"""Runs the migrations on the connection that `retrieval.state.database` hands over."""

from alembic import context

from retrieval.state.postgres import schema_of

_connection = context.config.attributes["connection"]
context.configure(connection=_connection, version_table_schema=schema_of(_connection))
with context.begin_transaction():
    context.run_migrations()
