"""The state database on a real Postgres: its schema, who may look in, old and busy databases."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from subprocess import Popen

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import eval.gates.tables  # noqa: F401
from retrieval.chunk import utc_now
from retrieval.errors import CorpusError, SchemaVersionError
from retrieval.jobs import JobRequest, JobStore
from retrieval.schedules import ScheduleStore
from retrieval.state import database
from retrieval.state.database import METADATA, migrations, open_database
from retrieval.state.keys import KeyStore
from retrieval.state.postgres import SCHEMA, begin_alone, create_engine
from tests.engines.postgres import PostgresServer
from tests.engines.supabase import supabase_database
from tests.retrieval.state.test_database import OLD_JOBS

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("postgres")]


@pytest.fixture
def url(request: pytest.FixtureRequest, postgres: PostgresServer) -> str:
    """An empty database; that of `supabase` where a test wants one."""
    if "supabase" in request.fixturenames:
        found: str = request.getfixturevalue("supabase")
        return found
    return postgres.new_database()


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """A connection that knows nothing of our schema."""
    made = sa.create_engine(url)
    yield made
    made.dispose()


@pytest.fixture
def supabase(postgres: PostgresServer) -> str:
    """The URL of a database with Supabase's roles."""
    return supabase_database(postgres)


def tables(engine: sa.Engine, schema: str) -> set[str]:
    return set(sa.inspect(engine).get_table_names(schema=schema))


def test_all_tables_stand_in_a_schema_of_their_own(url: str, engine: sa.Engine) -> None:
    opened = open_database(url.replace("postgresql+psycopg", "postgres"))
    with opened.connect() as connection:
        context = MigrationContext.configure(connection.execution_options(), opts={})
        assert tables(engine, SCHEMA) == {*METADATA.tables, "alembic_version"}
        connection.exec_driver_sql(f"SET search_path TO {SCHEMA}")
        assert compare_metadata(context, METADATA) == []
    opened.dispose()
    assert tables(engine, "public") == set()


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_anonymous_roles_have_no_rights_whatever_is_granted_by_default(
    supabase: str, engine: sa.Engine, role: str
) -> None:
    open_database(supabase).dispose()
    for table in tables(engine, SCHEMA):
        with engine.connect() as connection:
            connection.exec_driver_sql(f"SET ROLE {role}")
            for statement in (f"SELECT * FROM {SCHEMA}.{table}", f"DELETE FROM {SCHEMA}.{table}"):
                with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                    connection.exec_driver_sql(statement)
                connection.rollback()
                connection.exec_driver_sql(f"SET ROLE {role}")


def test_row_level_security_hides_rows_from_whoever_is_let_in_later(
    supabase: str, engine: sa.Engine
) -> None:
    jobs = JobStore(supabase)
    jobs.create(JobRequest(namespace="ns", sources=[]))
    jobs.close()
    with engine.begin() as connection:
        for table in tables(engine, SCHEMA):
            connection.exec_driver_sql(f"GRANT ALL ON {SCHEMA}.{table} TO anon")
    seen = {}
    for role in ("anon", "service_role"):
        with engine.connect() as connection:
            connection.exec_driver_sql(f"SET ROLE {role}")
            count = connection.exec_driver_sql(f"SELECT count(*) FROM {SCHEMA}.jobs")
            seen[role] = count.scalar()
    assert seen == {"anon": 0, "service_role": 1}
    with engine.connect() as connection:
        without = connection.exec_driver_sql(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relrowsecurity "
            f"AND relnamespace = '{SCHEMA}'::regnamespace"
        )
        assert without.scalars().all() == []


def test_tables_of_version_0_1_move_with_their_rows(url: str, engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(OLD_JOBS.replace("NULL, 0, '2026", "NULL, false, '2026"))
    jobs = JobStore(url)
    assert [job.job_id for job in jobs.list().jobs] == ["job-1"]
    jobs.close()
    assert tables(engine, "public") == set()


def test_somebody_elses_tables_stay_where_they_are(url: str, engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE jobs (id int)")
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num text)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('theirs')")
    jobs = JobStore(url)
    assert jobs.list().jobs == []
    jobs.close()
    assert tables(engine, "public") == {"jobs", "alembic_version"}


def test_versions_of_a_restored_corpus_fit(url: str) -> None:
    jobs = JobStore(url)
    job = jobs.create(JobRequest(namespace="ns", sources=[]))
    jobs.finish(job.job_id, "succeeded", index_version=1_764_460_800_000)
    found = jobs.get(job.job_id)
    assert found is not None
    assert found.index_version == 1_764_460_800_000
    jobs.close()


def test_processes_migrate_one_database_at_once(url: str) -> None:
    code = "import sys; from retrieval.state.keys import KeyStore; KeyStore(sys.argv[1]).close()"
    workers = [Popen([sys.executable, "-c", code, url]) for _ in range(4)]
    assert [worker.wait(timeout=120) for worker in workers] == [0] * 4
    keys = KeyStore(url)
    assert keys.all() == []
    keys.close()


def test_a_newer_database_is_refused_without_its_password(url: str, engine: sa.Engine) -> None:
    open_database(url).dispose()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {SCHEMA}.alembic_version SET version_num = '9999'")
    secret = sa.make_url(url).set(password="hunter2").render_as_string(hide_password=False)
    with pytest.raises(SchemaVersionError, match="newer version of the mesh") as refused:
        open_database(secret)
    assert "hunter2" not in str(refused.value)


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(CorpusError, match=r"PMOVES_STATE__URL") as failed:
        open_database("postgresql://me:hunter2@127.0.0.1:9/none?connect_timeout=2")
    assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_chain_of_migrations_leads_down_and_up_again(
    kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('state') / 'state.db'}"
    if kind == "postgres":
        url = request.getfixturevalue("url")
    opened = open_database(url)
    schema = SCHEMA if kind == "postgres" else None
    with opened.connect() as connection:
        if kind == "postgres":
            begin_alone(connection)
        command.downgrade(migrations(connection), "base")
        connection.commit()
    assert sa.inspect(opened).get_table_names(schema=schema) == ["alembic_version"]
    opened.dispose()
    opened = open_database(url)
    with opened.connect() as connection:
        assert database._revision(connection) == database.REVISION
    assert {*METADATA.tables} <= set(sa.inspect(opened).get_table_names(schema=schema))
    opened.dispose()


def test_connections_that_broke_are_renewed(url: str, engine: sa.Engine) -> None:
    opened = create_engine(sa.make_url(url))
    with opened.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with opened.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1
    opened.dispose()


def test_of_many_who_take_a_scheduled_run_one_gets_it(url: str) -> None:
    stores = [ScheduleStore(url) for _ in range(4)]
    made = stores[0].create(JobRequest(namespace="ns", sources=[]), "0 * * * *")
    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda each: each.take(made, made.next_at), stores))
    (job,) = [job for job in taken if job]
    later = utc_now()
    with ThreadPoolExecutor(4) as threads:
        given = list(threads.map(lambda each: each.reclaim(later), stores))
    assert [each.job_id for found in given for each in found] == [job.job_id]
    for store in stores:
        store.close()
