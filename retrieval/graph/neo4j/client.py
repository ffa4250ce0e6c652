"""Talking to a Neo4j over Bolt, with time limits, and errors that say what to do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from retrieval.closing import Closing
from retrieval.errors import EngineError, MissingPartError
from retrieval.settings import Neo4jSettings

if TYPE_CHECKING:
    from neo4j import Driver, ManagedTransaction

Row = dict[str, Any]


class Neo4jClient(Closing):
    """A pool of connections to the database that the settings name; safe from any thread.

    Calls raise `EngineError` where Neo4j is away, slower than its time limit, or refuses.
    Nothing is connected before the first call.
    """

    def __init__(self, settings: Neo4jSettings) -> None:
        self._settings = settings
        self._driver = _driver(settings)

    def read(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Return the rows of a query that changes nothing."""
        with self._errors(), self._session("READ") as session:
            rows: list[Row] = session.execute_read(self._unit(query, parameters))
            return rows

    def write(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Run a query in one transaction, again where Neo4j says that it may be tried again."""
        with self._errors(), self._session("WRITE") as session:
            rows: list[Row] = session.execute_write(self._unit(query, parameters))
            return rows

    def run(self, query: str) -> None:
        """Run a query that brings its own transactions, or changes the schema."""
        with self._errors(), self._session("WRITE") as session:
            session.run(query).consume()

    def pages(self, query: str, parameters: Mapping[str, Any], size: int) -> Iterator[list[Row]]:
        """Yield the rows of a query as they come, `size` at a time."""
        with self._errors(), self._session("READ", size) as session:
            waiting: list[Row] = []
            for record in session.run(query, dict(parameters)):
                waiting.append(record.data())
                if len(waiting) == size:
                    yield waiting
                    waiting = []
            if waiting:
                yield waiting

    def version(self) -> str:
        """Return name and version of the server."""
        rows = self.read("CALL dbms.components() YIELD name, versions RETURN name, versions")
        return " ".join(f"{row['name']} {row['versions'][0]}" for row in rows)

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def _session(self, mode: str, fetch_size: int = 1_000) -> Any:
        return self._driver.session(
            database=self._settings.database or None,
            default_access_mode=mode,
            fetch_size=fetch_size,
        )

    def _unit(self, query: str, parameters: Mapping[str, Any] | None) -> Any:
        from neo4j import unit_of_work

        @unit_of_work(timeout=self._settings.timeout_s)  # type: ignore[untyped-decorator,unused-ignore]
        def work(transaction: "ManagedTransaction") -> list[Row]:
            return [record.data() for record in transaction.run(query, dict(parameters or {}))]

        return work

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from neo4j.exceptions import AuthError, DriverError, Neo4jError, ServiceUnavailable

        where = f"Neo4j at {self._settings.url}"
        try:
            yield
        except AuthError as error:
            advice = "check PMOVES_NEO4J__USER and PMOVES_NEO4J__PASSWORD"
            raise EngineError(f"{where} refuses the user: {_line(error)}; {advice}") from error
        except (ServiceUnavailable, OSError) as error:
            advice = "start it, or correct PMOVES_NEO4J__URL"
            raise EngineError(f"{where} does not answer: {_line(error)}; {advice}") from error
        except (Neo4jError, DriverError) as error:
            raise EngineError(f"{where}: {_line(error)}") from error


def _driver(settings: Neo4jSettings) -> "Driver":
    try:
        from neo4j import GraphDatabase, basic_auth
        from neo4j.exceptions import ConfigurationError
    except ImportError as error:
        message = "Neo4j's driver is not installed; install pmoves-mesh[neo4j]"
        raise MissingPartError(message) from error
    password = settings.password.get_secret_value()
    try:
        return GraphDatabase.driver(
            settings.url,
            auth=basic_auth(settings.user, password) if password else None,
            connection_timeout=settings.connect_timeout_s,
            connection_acquisition_timeout=2 * settings.connect_timeout_s,
            max_transaction_retry_time=settings.timeout_s,
            telemetry_disabled=True,
            notifications_min_severity="OFF",
        )
    except (ConfigurationError, ValueError) as error:
        raise EngineError(f"PMOVES_NEO4J__URL {settings.url!r}: {_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
