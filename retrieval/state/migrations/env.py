"""Runs the migrations on the connection that `retrieval.state.database` hands over.

Without one, writes down what they would do on Postgres.
"""

from alembic import context

from retrieval.state.postgres import SCHEMA, schema_of

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", version_table_schema=SCHEMA, literal_binds=True)
    with context.begin_transaction():
        context.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        context.execute(f"SET LOCAL search_path TO {SCHEMA}")
        context.run_migrations()
else:
    _connection = context.config.attributes["connection"]
    context.configure(connection=_connection, version_table_schema=schema_of(_connection))
    with context.begin_transaction():
        context.run_migrations()
