"""Tables on Postgres that nobody reads but their owner, whatever the database grants by default."""

from alembic import op

from retrieval.state.postgres import SCHEMA

# Whom a Supabase gives rights to new tables in some schemas; Postgres knows PUBLIC itself.
_ANYBODY = ("anon", "authenticated")


def protect(*tables: str) -> None:
    """Turn row-level security on for `tables`, and take all rights from anonymous roles.

    Without a policy no row is seen by others than the owner and those who bypass it.
    """
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in tables:
        op.execute(f"ALTER TABLE {SCHEMA}.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"REVOKE ALL ON {SCHEMA}.{table} FROM PUBLIC")
        for role in _ANYBODY:
            op.execute(
                f"DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN "
                f"REVOKE ALL ON {SCHEMA}.{table} FROM {role}; END IF; END $$"
            )


def expose(*tables: str) -> None:
    """Turn row-level security off again."""
    if op.get_bind().dialect.name == "postgresql":
        for table in tables:
            op.execute(f"ALTER TABLE {SCHEMA}.{table} DISABLE ROW LEVEL SECURITY")
