"""The state database: its migrations, and databases from before there were any."""

import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path
from subprocess import Popen

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import eval.gates.tables  # noqa: F401
import publishing.events.tables  # noqa: F401
import retrieval.jobs
import retrieval.schedules
import retrieval.state.keys  # noqa: F401
from retrieval.errors import CorpusError, SchemaVersionError
from retrieval.jobs import JobStore
from retrieval.state import database
from retrieval.state.keys import KeyStore

# The table as version 0.1 made it, before there was Alembic.
OLD_JOBS = """
CREATE TABLE jobs (
    job_id VARCHAR(64) NOT NULL, namespace VARCHAR(128) NOT NULL, state VARCHAR(16) NOT NULL,
    request JSON NOT NULL, total INTEGER, done INTEGER NOT NULL, quarantined INTEGER NOT NULL,
    skipped INTEGER NOT NULL, stages JSON NOT NULL, error TEXT, runner_id VARCHAR(128),
    stop_requested BOOLEAN NOT NULL, created_at VARCHAR(40) NOT NULL, started_at VARCHAR(40),
    updated_at VARCHAR(40) NOT NULL, finished_at VARCHAR(40), PRIMARY KEY (job_id)
);
CREATE INDEX ix_jobs_namespace ON jobs (namespace);
INSERT INTO jobs VALUES (
    'job-1', 'ns', 'succeeded', '{"namespace": "ns", "sources": []}', 3, 3, 0, 0, '{}', NULL,
    NULL, 0, '2026-01-01T00:00:00+00:00', NULL, '2026-01-01T00:00:00+00:00', NULL
);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a database may be, below a folder whose name has special characters."""
    folder = tmp_path / "50% a home"
    folder.mkdir()
    return folder / "state.db"


def revision(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    connection.close()
    return str(found)


def test_the_newest_revision_is_the_one_that_openings_expect() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == database.REVISION


def test_migrations_make_the_tables_that_the_code_knows(path: Path) -> None:
    engine = database.open_database(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, database.METADATA) == []
    engine.dispose()


def test_a_database_from_before_alembic_is_adopted(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.executescript(OLD_JOBS)
    connection.close()
    jobs = JobStore(f"sqlite:///{path}")
    assert [job.job_id for job in jobs.list().jobs] == ["job-1"]
    jobs.close()
    keys = KeyStore(f"sqlite:///{path}")
    assert keys.all() == []
    keys.close()
    assert revision(path) == database.REVISION


def test_an_up_to_date_database_is_not_migrated_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.open_database(f"sqlite:///{path}").dispose()
    monkeypatch.setattr(database, "_MIGRATIONS", path.parent / "nowhere")
    database.open_database(f"sqlite:///{path}").dispose()
    assert revision(path) == database.REVISION
    with pytest.raises(SchemaVersionError, match="nowhere"):
        database.open_database(f"sqlite:///{path.parent}/another.db")


def test_a_newer_database_is_refused_and_left_alone(path: Path) -> None:
    database.open_database(f"sqlite:///{path}").dispose()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(SchemaVersionError, match=r"newer version of the mesh.*9999"):
        database.open_database(f"sqlite:///{path}")
    assert revision(path) == "9999"


def test_a_migration_that_fails_leaves_nothing_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("alembic.op.create_index", fail)
        with pytest.raises(CorpusError, match="no space left"):
            database.open_database(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()
    database.open_database(f"sqlite:///{path}").dispose()


@pytest.mark.integration
def test_processes_adopt_one_database_at_once(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.executescript(OLD_JOBS)
    connection.close()
    code = "import sys; from retrieval.state.keys import KeyStore; KeyStore(sys.argv[1]).close()"
    workers = [Popen([sys.executable, "-c", code, f"sqlite:///{path}"]) for _ in range(4)]
    assert [worker.wait(timeout=60) for worker in workers] == [0] * 4
    engine = sa.create_engine(f"sqlite:///{path}")
    assert {"jobs", "api_keys"} <= set(sa.inspect(engine).get_table_names())
    engine.dispose()


def test_a_new_database_that_somebody_writes_to_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE theirs (x)")
        other.execute("BEGIN IMMEDIATE")
        end = threading.Timer(0.3, lambda: other.execute("COMMIT"))
        end.start()
        database.open_database(f"sqlite:///{file}").dispose()
        end.join()
