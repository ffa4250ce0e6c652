"""Opening the state database, and bringing its tables up to date by Alembic.

A database from before Alembic holds the jobs but no revision; it is taken as
revision 0001.
"""

import io
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from retrieval.errors import CorpusError, InvalidInputError, SchemaVersionError
from retrieval.state import postgres

if TYPE_CHECKING:
    from alembic.config import Config

METADATA = sa.MetaData()
# What the newest file in migrations/versions brings about.
REVISION = "0009"
_FIRST = "0001"
_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = "alembic_version"
_PATIENCE_S = 10
_PAUSE_S = 0.02


def open_database(url: str) -> sa.Engine:
    """Return the database at `url`, an SQLAlchemy URL, with its tables up to date.

    On Postgres they stand in a schema of their own, `retrieval.state.postgres.SCHEMA`.

    Raises `CorpusError` where it cannot be opened or made, and `SchemaVersionError`
    where a newer version of the mesh has written it.
    """
    try:
        return _open(sa.make_url(url))
    except (sa.exc.SQLAlchemyError, OSError, ImportError) as error:
        reason = str(error).partition("\n")[0]
        raise CorpusError(
            f"cannot open the state database {_shown(url)}: {reason}; "
            "set PMOVES_HOME or PMOVES_STATE__URL to one that can be written"
        ) from error


def _open(address: sa.URL) -> sa.Engine:
    engine = postgres.create_engine(address) if postgres.is_meant(address) else _sqlite(address)
    try:
        with engine.connect() as connection:
            current = _revision(connection) == REVISION
        if not current:
            _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _sqlite(address: sa.URL) -> sa.Engine:
    if address.database and address.get_backend_name() == "sqlite":
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address)
    if address.get_backend_name() == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _migrate(engine: sa.Engine) -> None:
    """Run the missing migrations as one transaction, while other processes wait."""
    # Loaded here only: most openings find the database up to date.
    from alembic import command
    from alembic.util import CommandError

    with engine.connect() as connection:
        _begin_alone(connection)
        config = migrations(connection)
        try:
            if _revision(connection) is None and _has_table(connection, "jobs"):
                command.stamp(config, _FIRST)
            command.upgrade(config, "head")
        except CommandError as error:
            raise SchemaVersionError(
                f"the state database {engine.url.render_as_string()} was written by a newer "
                f"version of the mesh ({error}); upgrade this one, or use another PMOVES_HOME"
            ) from error
        connection.commit()


def migrations(connection: sa.Connection) -> "Config":
    """Return what Alembic's commands need to work through `connection`."""
    config = _config()
    config.attributes["connection"] = connection
    return config


def script(since: str = "base") -> str:
    """Return the SQL that brings tables on Postgres from the revision `since` to the newest.

    Raises `InvalidInputError` where there is no such revision.
    """
    from alembic import command
    from alembic.util import CommandError

    config = _config()
    config.output_buffer = text = io.StringIO()
    try:
        command.upgrade(config, f"{since}:head", sql=True)
    except CommandError as error:
        known = ", ".join(f"{number:04}" for number in range(1, int(REVISION) + 1))
        raise InvalidInputError(
            f"there is no revision {since!r} of the state database; there are base, {known}"
        ) from error
    return text.getvalue()


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _begin_alone(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "postgresql":
        postgres.begin_alone(connection)


def _revision(connection: sa.Connection) -> str | None:
    if not _has_table(connection, _VERSION):
        return None
    number: sa.ColumnClause[str] = sa.column("version_num")
    table = sa.table(_VERSION, number, schema=postgres.schema_of(connection))
    return connection.execute(sa.select(number).select_from(table)).scalar()


def _has_table(connection: sa.Connection, name: str) -> bool:
    return sa.inspect(connection).has_table(name, schema=postgres.schema_of(connection))


def _shown(url: str) -> str:
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.SQLAlchemyError:
        return "given by state.url"


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout={1_000 * _PATIENCE_S}")
    until = time.monotonic() + _PATIENCE_S
    # While others use a new database SQLite refuses this at once, whatever the time-out.
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
