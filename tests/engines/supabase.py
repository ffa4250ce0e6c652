"""A double of a Supabase project's REST interface, in front of a real PostgreSQL.

PostgREST is a Haskell program that no package has. This speaks as much of its
protocol as Supabase's own client needs here: profiles, filters, orders, upserts, calls of
functions, its errors, and the refusals of the gateway before it. The statements run
in the database as the role of the key, with its rights and row-level security.
See https://docs.postgrest.org/en/v13/references/api.html and .../errors.html.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import psycopg
import sqlalchemy as sa
from pydantic import SecretStr

from retrieval.engine_settings import SupabaseSettings
from retrieval.state.postgres import SCHEMA
from tests.engines.postgres import PostgresServer
from tests.engines.postgrest import Problem, Request, answer

ROLES = ("anon", "authenticated", "service_role")
SERVICE, ANON = "sb_secret_of_the_service_role", "sb_publishable_of_anybody"
_UNKNOWN = Problem(
    401, None, "Invalid API key", "Double check your Supabase `anon` or `service_role` API key."
)


def supabase_database(postgres: PostgresServer) -> str:
    """Return the URL of a new database with Supabase's roles, which get rights to new tables."""
    postgres.execute(
        *(
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN {'BYPASSRLS' * (role == 'service_role')}; "
            "EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            for role in ROLES
        )
    )
    url, everybody = postgres.new_database(), ", ".join(ROLES)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in (
            f"CREATE SCHEMA {SCHEMA}",
            f"GRANT USAGE ON SCHEMA {SCHEMA} TO {everybody}",
            f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {everybody}",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
    return url


@dataclass
class Project:
    """A project at `url`; what it shows can be changed while it runs."""

    url: str
    database: str
    exposed: list[str] = field(default_factory=lambda: ["public", SCHEMA])
    most_rows: int = 1_000
    keys: dict[str, str] = field(default_factory=lambda: {SERVICE: "service_role", ANON: "anon"})
    answers_to_lose: int = 0


def settings_of(project: Project, key: str = SERVICE) -> SupabaseSettings:
    """Return the settings that lead to `project`."""
    return SupabaseSettings(url=project.url, key=SecretStr(key))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        project = cast("_Server", self.server).project
        try:
            status, found = 200, self._answer(project, body)
        except Problem as problem:
            status, found = problem.status, problem.body
        if project.answers_to_lose:
            project.answers_to_lose -= 1
            self.close_connection = True
            return
        content = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, project: Project, body: bytes) -> Any:
        role = project.keys.get(self.headers.get("apikey", ""))
        if role is None or self.headers.get("Authorization") != f"Bearer {self.headers['apikey']}":
            raise _UNKNOWN
        reads = self.command == "GET"
        profile = self.headers.get("Accept-Profile" if reads else "Content-Profile", "public")
        if profile not in project.exposed:
            shown = ", ".join(project.exposed)
            hint = f"Only the following schemas are exposed: {shown}"
            raise Problem(406, "PGRST106", f"Invalid schema: {profile}", hint)
        at = urlsplit(self.path)
        asked = Request(
            self.command,
            at.path.removeprefix("/rest/v1/"),
            profile,
            role,
            parse_qsl(at.query, keep_blank_values=True),
            self.headers.get("Prefer", ""),
            json.loads(body) if body else None,
            project.most_rows,
        )
        with psycopg.connect(project.database) as connection:
            return answer(connection, asked)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    project: Project


@contextmanager
def supabase_project(database: str) -> Iterator[Project]:
    """Show a database with Supabase's roles until the block ends; `database` is its URL."""
    address = sa.make_url(database).set(drivername="postgresql")
    with _Server(("127.0.0.1", 0), _Handler) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        server.project = Project(url, address.render_as_string(hide_password=False))
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.project
        finally:
            server.shutdown()
            thread.join()
