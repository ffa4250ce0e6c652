"""Tables in a Supabase project by its client: a double of its interface before a real Postgres."""

import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from retrieval.engine_settings import SupabaseSettings
from retrieval.errors import EngineError, InvalidInputError, MissingPartError, SchemaVersionError
from retrieval.settings import LibrarySettings
from retrieval.state.database import REVISION, open_database, script
from retrieval.state.postgres import SCHEMA
from retrieval.state.supabase import SupabaseTables
from tests.engines.postgres import PostgresServer
from tests.engines.supabase import (
    ANON,
    SERVICE,
    Project,
    settings_of,
    supabase_database,
    supabase_project,
)

REAL = [pytest.mark.integration, pytest.mark.xdist_group("postgres")]


def said(settings: SupabaseSettings, kind: type[Exception] = EngineError) -> str:
    """What is said of a project that cannot be used, which is never the key."""
    with closing(SupabaseTables(settings)) as tables, pytest.raises(kind) as failed:
        tables.rows(lambda at: at.table("persona_gates").select("*"))
    key = settings.key.get_secret_value()
    assert not key or key not in str(failed.value)
    return str(failed.value)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of somebody who never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_the_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supabase", None)
    settings = SupabaseSettings(url="http://127.0.0.1:9", key=SecretStr("the-key"))
    assert "pip install 'pmoves-mesh[supabase]'" in said(settings, MissingPartError)


def test_a_project_needs_a_key() -> None:
    assert "set PMOVES_SUPABASE__KEY" in said(SupabaseSettings(url="http://127.0.0.1:9"))


def test_one_that_is_not_there_is_named() -> None:
    message = said(SupabaseSettings(url="http://127.0.0.1:9", key=SecretStr("the-key")))
    assert "http://127.0.0.1:9 does not answer" in message
    assert "PMOVES_SUPABASE__URL" in message


def test_one_that_is_silent_is_given_up(silent: str) -> None:
    message = said(SupabaseSettings(url=silent, key=SecretStr("the-key"), timeout_s=0.2))
    assert f"{silent} does not answer: timed out" in message


def test_an_address_may_be_that_of_the_interface() -> None:
    given = SupabaseSettings(url="https://abcd.supabase.co/rest/v1/", key=SecretStr(" key\n"))
    assert given.url == "https://abcd.supabase.co"
    assert given.key.get_secret_value() == "key"


@pytest.mark.parametrize("key", ["two words", "sch\u00f6n", "two\nlines"])
def test_a_key_that_no_header_holds_is_refused_without_showing_it(key: str) -> None:
    assert "characters that no key has" in said(
        SupabaseSettings(url="http://h", key=SecretStr(key))
    )


@pytest.mark.parametrize("name", ["SUPABASE_URL", "SUPABASE_REST_URL"])
def test_the_predecessors_names_are_known(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "https://abcd.supabase.co/rest/v1")
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", "the-key")
    settings = LibrarySettings()
    assert settings.uses_supabase
    assert settings.supabase.url == "https://abcd.supabase.co"
    assert settings.supabase.key.get_secret_value() == "the-key"
    monkeypatch.setenv("PMOVES_STATE__URL", "postgresql://localhost/db")
    assert not LibrarySettings().uses_supabase


def test_there_is_no_script_since_an_unknown_revision() -> None:
    with pytest.raises(InvalidInputError, match=r"'9999'.*there are base, 0001, "):
        script("9999")


class TestProject:
    """What a project may be like."""

    pytestmark = REAL

    def test_a_wrong_key_is_refused(self, project: Project) -> None:
        message = said(settings_of(project, "sb_secret_of_another"))
        assert "refuses the key; set PMOVES_SUPABASE__KEY to the secret" in message

    def test_the_key_is_in_no_log(self, project: Project, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        with closing(SupabaseTables(settings_of(project))) as tables:
            tables.check()
        assert "alembic_version" in caplog.text
        assert SERVICE not in caplog.text

    def test_the_key_of_anybody_shows_nothing(self, project: Project) -> None:
        message = said(settings_of(project, ANON))
        assert "lets this key do too little (permission denied" in message

    def test_a_schema_that_is_not_exposed_is_named(self, project: Project) -> None:
        project.exposed.remove(SCHEMA)
        assert "add it to the exposed schemas" in said(settings_of(project))

    def test_missing_tables_are_named(self, postgres: PostgresServer) -> None:
        with supabase_project(supabase_database(postgres)) as project:
            assert "run there what `pmoves migrations` prints" in said(settings_of(project))

    @pytest.mark.parametrize(
        ("revision", "kind", "message"),
        [
            ("0008", EngineError, "what `pmoves migrations --since 0008` prints"),
            ("9999", SchemaVersionError, "upgrade this one"),
        ],
    )
    def test_tables_of_another_revision_are_refused(
        self, project: Project, revision: str, kind: type[Exception], message: str
    ) -> None:
        run(project.database, f"UPDATE {SCHEMA}.alembic_version SET version_num = '{revision}'")
        assert message in said(settings_of(project), kind)

    def test_an_answer_that_was_lost_is_asked_for_again(self, project: Project) -> None:
        with closing(SupabaseTables(settings_of(project))) as tables:
            assert tables.check() == REVISION
            project.answers_to_lose = 1
            assert tables.rows(lambda at: at.table("persona_gates").select("name")) == []
            project.answers_to_lose = 2
            with pytest.raises(EngineError, match="does not answer: Server disconnected"):
                tables.rows(lambda at: at.table("persona_gates").select("name"))

    def test_all_rows_come_although_a_few_do_at_once(self, project: Project) -> None:
        rows = [
            {"name": f"n{number}", "version": "1", "definition": {}, "defined_at": "now"}
            for number in range(5)
        ]
        project.most_rows = 2
        with closing(SupabaseTables(settings_of(project))) as tables:
            tables.ask(lambda at: at.table("persona_gates").insert(rows))
            found = tables.all_rows(
                lambda at: at.table("persona_gates").select("name").order("name")
            )
        assert [row["name"] for row in found] == ["n0", "n1", "n2", "n3", "n4"]


class TestScript:
    """The printed SQL, run by whoever owns the database."""

    pytestmark = REAL

    def test_it_makes_tables_that_can_be_used(self, postgres: PostgresServer) -> None:
        url = supabase_database(postgres)
        run(url, script())
        with (
            supabase_project(url) as project,
            closing(SupabaseTables(settings_of(project))) as tables,
        ):
            assert tables.check() == REVISION
        # A database URL is taken later: nothing is left to do.
        open_database(url).dispose()

    def test_it_goes_on_from_an_older_revision(self, postgres: PostgresServer) -> None:
        url = supabase_database(postgres)
        whole = script()
        cut = whole.index("-- Running upgrade 0008 -> 0009")
        run(url, whole[:cut] + "COMMIT;")
        with supabase_project(url) as project:
            assert "--since 0008" in said(settings_of(project))
            run(url, script("0008"))
            with closing(SupabaseTables(settings_of(project))) as tables:
                assert tables.check() == REVISION


def run(url: str, statements: str) -> None:
    """Run SQL as Supabase's editor does, all of it in one."""
    address = sa.make_url(url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.connection.cursor().execute(statements)
    engine.dispose()
