"""The state database on Postgres, Supabase's included.

All tables stand in the schema `pmoves_core`, which is not among those that Supabase
serves. Statements name it, since a pooler may give each transaction another session.
"""

import sqlalchemy as sa

SCHEMA = "pmoves_core"
_DRIVER = "postgresql+psycopg"
_NAMES = ("postgres", "postgresql")
# Any number of ours: who holds the lock of this name migrates.
_LOCK = 0x506D6F766573
_OLD = ("jobs", "api_keys", "alembic_version")
# Poolers mix up the statements that psycopg prepares. The rest bounds waiting for a dead server.
_CONNECTION = {
    "prepare_threshold": None,
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "tcp_user_timeout": "30000",
}


def is_meant(address: sa.URL) -> bool:
    """Say whether `address` leads to a Postgres."""
    return address.drivername.partition("+")[0] in _NAMES


def create_engine(address: sa.URL) -> sa.Engine:
    """Return an engine whose tables stand in `SCHEMA`; it renews connections that broke."""
    if address.drivername in _NAMES:
        address = address.set(drivername=_DRIVER)
    given = {name: value for name, value in _CONNECTION.items() if name not in address.query}
    engine = sa.create_engine(address, pool_pre_ping=True, connect_args=given)
    return engine.execution_options(schema_translate_map={None: SCHEMA})


def schema_of(connection: sa.Connection) -> str | None:
    """Return where tables stand: `SCHEMA` on Postgres, None elsewhere."""
    return SCHEMA if connection.dialect.name == "postgresql" else None


def begin_alone(connection: sa.Connection) -> None:
    """Wait until nobody else migrates, and let new tables come into `SCHEMA`.

    Tables of version 0.1, which stand where the role's tables come by default, move there.
    """
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    connection.execute(sa.schema.CreateSchema(SCHEMA, if_not_exists=True))
    inspector = sa.inspect(connection)
    if _are_ours(inspector) and not inspector.has_table("jobs", schema=SCHEMA):
        for name in filter(inspector.has_table, _OLD):
            connection.exec_driver_sql(f"ALTER TABLE {name} SET SCHEMA {SCHEMA}")
    connection.exec_driver_sql(f"SET LOCAL search_path TO {SCHEMA}")


def _are_ours(inspector: sa.Inspector) -> bool:
    """Say whether the default schema holds our jobs, not the table of somebody else."""
    if not inspector.has_table("jobs"):
        return False
    return {"job_id", "runner_id", "stop_requested"} <= {
        column["name"] for column in inspector.get_columns("jobs")
    }
