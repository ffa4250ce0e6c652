"""Talking to a Neo4j over Bolt, with time limits, and errors that say what to do.

Once connected, the driver waits as long as the server tells it to, which is two minutes, and has no
setting of its own for that. Its asynchronous form can be given up at any moment, so calls run
there, and a circuit breaker finds out by another connection whether the server still answers.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from retrieval.circuit import CircuitBreaker, CircuitOpenError
from retrieval.closing import Closing
from retrieval.errors import EngineError, MissingPartError
from retrieval.loop_thread import LoopThread
from retrieval.settings import Neo4jSettings

if TYPE_CHECKING:
    from neo4j import AsyncDriver, AsyncManagedTransaction

T = TypeVar("T")
Row = dict[str, Any]
_LEAVE_S = 0.2
_CLOSE_S = 2.0
_START = "start it, or correct PMOVES_NEO4J__URL"


class Neo4jClient(Closing):
    """A pool of connections to the database that the settings name; safe from any thread.

    Calls raise `EngineError` where Neo4j is away, slower than its time limit, or refuses.
    One that takes long is given up where Neo4j does not answer anything else within the
    settings' patience either; calls then fail at once until it answers again, of which
    `answers_again` is told. Nothing is connected before the first call.
    """

    def __init__(self, settings: Neo4jSettings) -> None:
        self._settings = settings
        self._driver = _driver(settings)
        self.answers_again: Callable[[], None] = lambda: None
        self._circuit = CircuitBreaker(
            f"Neo4j at {settings.url}",
            self._is_there,
            settings.patience_ms / 1000,
            settings.retry_ms / 1000,
            self._opened,
        )
        self._loop = LoopThread("neo4j")

    def read(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Return the rows of a query that changes nothing."""

        async def work() -> list[Row]:
            async with self._session("READ") as session:
                rows: list[Row] = await session.execute_read(self._unit(query, parameters))
                return rows

        return self._call(work)

    def write(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Run a query in one transaction, again where Neo4j says that it may be tried again."""

        async def work() -> list[Row]:
            async with self._session("WRITE") as session:
                rows: list[Row] = await session.execute_write(self._unit(query, parameters))
                return rows

        return self._call(work)

    def run(self, query: str) -> None:
        """Run a query that brings its own transactions, or changes the schema."""

        async def work() -> None:
            async with self._session("WRITE") as session:
                await (await session.run(query)).consume()

        self._call(work)

    def pages(self, query: str, parameters: Mapping[str, Any], size: int) -> Iterator[list[Row]]:
        """Yield the rows of a query as they come, `size` at a time."""
        pages = self._pages(query, parameters, size)
        try:
            while page := self._call(lambda: anext(pages, None)):
                yield page
        finally:
            self._loop.run(pages.aclose())

    def version(self) -> str:
        """Return name and version of the server."""
        rows = self.read("CALL dbms.components() YIELD name, versions RETURN name, versions")
        return " ".join(f"{row['name']} {row['versions'][0]}" for row in rows)

    def close(self) -> None:
        """Close the connections; calls on their way are given up."""
        self._loop.run(self._end())
        self._loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            # Cancelled while it connects, the driver leaves its socket open.
            await asyncio.wait(others, timeout=_LEAVE_S)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # A server that stands still does not take leave.
        with suppress(TimeoutError):
            await asyncio.wait_for(self._driver.close(), _CLOSE_S)

    async def _pages(
        self, query: str, parameters: Mapping[str, Any], size: int
    ) -> AsyncGenerator[list[Row], None]:
        async with self._session("READ", size) as session:
            result = await session.run(query, dict(parameters))
            while records := await result.fetch(size):
                yield [record.data() for record in records]

    def _call(self, work: Callable[[], Awaitable[T]]) -> T:
        with self._errors():
            return self._loop.run(self._watched(work))

    async def _watched(self, work: Callable[[], Awaitable[T]]) -> T:
        watching = asyncio.create_task(self._watch())
        try:
            return await self._circuit.call(work)
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        """Ask again and again whether Neo4j answers, for as long as a call takes."""
        while True:
            await asyncio.sleep(self._settings.retry_ms / 1000)
            self._circuit.doubt()

    async def _is_there(self) -> None:
        from neo4j.exceptions import Neo4jError

        # Whoever refuses answers.
        with suppress(Neo4jError):
            async with self._session("READ") as session:
                await (await session.run("RETURN 1")).consume()

    def _opened(self, is_open: bool) -> None:
        if not is_open:
            self.answers_again()

    def _session(self, mode: str, fetch_size: int = 1_000) -> Any:
        return self._driver.session(
            database=self._settings.database or None,
            default_access_mode=mode,
            fetch_size=fetch_size,
        )

    def _unit(self, query: str, parameters: Mapping[str, Any] | None) -> Any:
        from neo4j import unit_of_work

        @unit_of_work(timeout=self._settings.timeout_s)  # type: ignore[untyped-decorator,unused-ignore]
        async def work(transaction: "AsyncManagedTransaction") -> list[Row]:
            result = await transaction.run(query, dict(parameters or {}))
            return [record.data() async for record in result]

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
            raise EngineError(f"{where} does not answer: {_line(error)}; {_START}") from error
        except CircuitOpenError as error:
            raise EngineError(f"{error}; {_START}") from error
        except CancelledError as error:
            raise EngineError(f"{where}: the connections were closed meanwhile") from error
        except (Neo4jError, DriverError) as error:
            raise EngineError(f"{where}: {_line(error)}") from error


def _driver(settings: Neo4jSettings) -> "AsyncDriver":
    try:
        from neo4j import AsyncGraphDatabase, basic_auth
        from neo4j.exceptions import ConfigurationError
    except ImportError as error:
        message = "Neo4j's driver is not installed; install pmoves-mesh[neo4j]"
        raise MissingPartError(message) from error
    password = settings.password.get_secret_value()
    try:
        return AsyncGraphDatabase.driver(
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
