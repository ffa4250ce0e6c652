"""Tables on Postgres that nobody reads but their owner, whatever the database grants by default."""

from alembic import op

from retrieval.state.postgres import SCHEMA

ANYBODY = ("anon", "authenticated")
"""Whom a Supabase gives rights to new tables in some schemas; Postgres knows PUBLIC itself."""


def on_postgres() -> bool:
    """Say whether the migrations run on Postgres, or are written down for it."""
    return bool(op.get_context().dialect.name == "postgresql")


def if_role(role: str, statement: str) -> None:
    """Run `statement` where there is a `role`."""
    op.execute(
        f"DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN "
        f"{statement}; END IF; END $$"
    )


def protect(*tables: str) -> None:
    """Turn row-level security on for `tables`, and take all rights from anonymous roles.

    Without a policy no row is seen by others than the owner and those who bypass it.
    """
    if not on_postgres():
        return
    for table in tables:
        op.execute(f"ALTER TABLE {SCHEMA}.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"REVOKE ALL ON {SCHEMA}.{table} FROM PUBLIC")
        for role in ANYBODY:
            if_role(role, f"REVOKE ALL ON {SCHEMA}.{table} FROM {role}")


def expose(*tables: str) -> None:
    """Turn row-level security off again."""
    if on_postgres():
        for table in tables:
            op.execute(f"ALTER TABLE {SCHEMA}.{table} DISABLE ROW LEVEL SECURITY")
