"""Opening the state database, and bringing its tables up to date by Alembic.

A database from before Alembic holds the jobs but no revision; it is taken as
revision 0001.
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from retrieval.errors import CorpusError, SchemaVersionError

METADATA = sa.MetaData()
# What the newest file in migrations/versions brings about.
REVISION = "0006"
_FIRST = "0001"
_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = sa.table("alembic_version", sa.column("version_num"))


def open_database(url: str) -> sa.Engine:
    """Return the database at `url`, an SQLAlchemy URL, with its tables up to date.

    Raises `CorpusError` where it cannot be opened or made, and `SchemaVersionError`
    where a newer version of the mesh has written it.
    """
    try:
        return _open(sa.make_url(url))
    except (sa.exc.SQLAlchemyError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise CorpusError(
            f"cannot open the state database {_shown(url)}: {reason}; "
            "set PMOVES_HOME or PMOVES_STATE__URL to one that can be written"
        ) from error


def _open(address: sa.URL) -> sa.Engine:
    sqlite = address.get_backend_name() == "sqlite"
    if sqlite and address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address)
    if sqlite:
        sa.event.listen(engine, "connect", _prepare_sqlite)
    try:
        with engine.connect() as connection:
            current = _revision(connection) == REVISION
        if not current:
            _migrate(engine, sqlite)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _migrate(engine: sa.Engine, sqlite: bool) -> None:
    """Run the missing migrations as one transaction, while other processes wait."""
    # Loaded here only: most openings find the database up to date.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with engine.connect() as connection:
        if sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        try:
            if _revision(connection) is None and sa.inspect(connection).has_table("jobs"):
                command.stamp(config, _FIRST)
            command.upgrade(config, "head")
        except CommandError as error:
            raise SchemaVersionError(
                f"the state database {engine.url.render_as_string()} was written by a newer "
                f"version of the mesh ({error}); upgrade this one, or use another PMOVES_HOME"
            ) from error
        connection.commit()


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(sa.select(_VERSION.c.version_num)).scalar()


def _shown(url: str) -> str:
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.SQLAlchemyError:
        return "given by state.url"


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout=10000")
    connection.execute("PRAGMA journal_mode=WAL")
