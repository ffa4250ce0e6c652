"""Tables of the state database in a Supabase project, by its REST interface and a key.

Only what the service role was given by the migrations is there: gates, not jobs or keys.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import httpx

from retrieval.engine_settings import SupabaseSettings
from retrieval.errors import EngineError, MissingPartError, SchemaVersionError
from retrieval.state.database import REVISION
from retrieval.state.postgres import SCHEMA
from retrieval.state.supabase_faults import fault, key_fault, missing_package, not_answering

if TYPE_CHECKING:
    from supabase import Client

NEEDED = "0009"
"""The revision that lets the service role in."""
_PAGE = 1_000


class Asked(Protocol):
    """A request that is put together."""

    def execute(self) -> Any:
        """Send it."""
        ...


Question: TypeAlias = "Callable[[Client], Asked]"


class SupabaseTables:
    """The tables in `SCHEMA` of the project in `settings`, which the first call reaches.

    The calls block, each for `timeout_s` at most for every step of a request. They raise
    `EngineError` where the project does not do what it is asked, `MissingPartError`
    without the package, and `SchemaVersionError` where a newer mesh made the tables.
    """

    def __init__(self, settings: SupabaseSettings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._http: httpx.Client | None = None
        self._opening = threading.Lock()

    def close(self) -> None:
        """Give the connections back."""
        if self._http is not None:
            self._http.close()

    def ask(self, question: Question) -> Any:
        """Return the data of the answer to `question`, which may be sent twice."""
        return self._send(self._opened, question)

    def rows(self, question: Question) -> list[dict[str, Any]]:
        """Return the rows that answer `question`, which may be sent twice."""
        return list(self.ask(question))

    def all_rows(self, question: Callable[["Client"], Any]) -> list[dict[str, Any]]:
        """Return all rows, in parts: a project answers a certain number at once.

        `question` must put them in an order.
        """
        found: list[dict[str, Any]] = []
        while True:
            start = len(found)
            part = self.rows(lambda at: question(at).range(start, start + _PAGE - 1))  # noqa: B023
            found += part
            if not part:
                return found

    def check(self) -> str:
        """Return the revision of the tables, read now; raises where gates cannot be kept there."""
        revision = self._revision(self._client or self._connected())
        self._require(revision)
        return revision

    @property
    def _opened(self) -> "Client":
        """The client, once it was seen that the tables are right."""
        with self._opening:
            if self._client is None:
                client = self._connected()
                self._require(self._revision(client))
                self._client = client
        return self._client

    def _connected(self) -> "Client":
        try:
            from supabase import ClientOptions, create_client
        except ImportError as error:
            raise MissingPartError(missing_package()) from error
        if wrong := key_fault(self._settings):
            raise EngineError(wrong)
        if self._http is None:
            self._http = httpx.Client(timeout=self._settings.timeout_s)
        options = ClientOptions(
            schema=SCHEMA,
            httpx_client=self._http,
            auto_refresh_token=False,
            persist_session=False,
            postgrest_client_retry=False,
        )
        return create_client(self._settings.url, self._settings.key.get_secret_value(), options)

    def _revision(self, client: "Client") -> str:
        found = self._send(client, lambda at: at.table("alembic_version").select("version_num"))
        return str(found[0]["version_num"]) if found else ""

    def _require(self, revision: str) -> None:
        if revision > REVISION:
            raise SchemaVersionError(
                f"the tables in {self._settings.url} were made by a newer version of the mesh "
                f"(revision {revision}); upgrade this one"
            )
        if revision < NEEDED:
            raise EngineError(
                f"the tables in {self._settings.url} are of revision {revision or 'none'}, gates "
                f"need {NEEDED}: run there what `pmoves migrations --since {revision or 'base'}` "
                "prints"
            )

    def _send(self, client: "Client", question: Question) -> Any:
        """Send it, and once more where the connection broke: it may have been an old one."""
        from postgrest.exceptions import APIError

        for last in (False, True):
            try:
                return question(client).execute().data
            except APIError as error:
                raise EngineError(fault(self._settings, error)) from error
            except httpx.HTTPError as error:
                broke = isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError))
                if last or not broke:
                    raise EngineError(not_answering(self._settings, error)) from error
        raise AssertionError("the last try answers or raises")
