"""Visiting one page: politely, with another try where the host is in trouble."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from data_jobs.errors import GoneError, LimitExceededError, SourceError
from data_jobs.web.robots import Robots
from data_jobs.web.settings import WebSettings
from data_jobs.web.turns import Turns
from data_jobs.web.urls import canonical_url, host_of, joined
from retrieval.chunk import utc_now
from retrieval.fetching.errors import FetchError, FetchLimitError, RefusedUrlError
from retrieval.fetching.settings import FetchSettings

if TYPE_CHECKING:
    from retrieval.fetching.client import Fetched

_MOVED = (301, 302, 303, 307, 308)
_FOR_GOOD = (301, 308)
_GONE = (404, 410)
_LATER = (429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of a visit: `url` is the page's own, after redirects that hold for good.

    `unmodified` says that the page is as its validators tell; nothing was written then.
    """

    url: str
    answer: "Fetched"
    unmodified: bool = False


class Visitor:
    """Fetches pages; safe from any thread."""

    def __init__(
        self, fetch: FetchSettings, web: WebSettings, stopping: Callable[[], bool]
    ) -> None:
        # Processes that run jobs would start later, and few jobs go to the web.
        from retrieval.fetching.client import GuardedClient

        self._settings = web
        self._redirects = fetch.redirects
        self._client = GuardedClient(fetch)
        self._turns = Turns(stopping)
        self._robots = Robots(self._client, web, fetch.user_agent, self._turns)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._client.close()

    def visit(
        self, url: str, path: Path, most: int, validators: Mapping[str, str] | None = None
    ) -> Visit:
        """Write the page at `url` to `path`, at most `most` bytes.

        `validators` are request headers such as If-None-Match. Raises `SourceError` for a
        page that is not there, not allowed or not to be had, `LimitExceededError` for one
        that is too large, and `StoppedError`.
        """
        own, moved = url, False
        for _ in range(self._redirects + 1):
            answer = self._tried(url, path, most, validators)
            if answer.status == 304 and validators:
                return Visit(own, answer, unmodified=True)
            if answer.status not in _MOVED or "location" not in answer.headers:
                return Visit(own, _required(answer))
            url = canonical_url(joined(url, answer.headers["location"]))
            moved = moved or answer.status not in _FOR_GOOD
            # A detour for once leaves the name of the page as it is.
            own = own if moved else url
        raise SourceError(f"{own} redirects more than {self._redirects} times")

    def _tried(
        self, url: str, path: Path, most: int, validators: Mapping[str, str] | None
    ) -> "Fetched":
        last = self._settings.attempts - 1
        for attempt in range(self._settings.attempts):
            pause = self._robots.pause(url)
            try:
                with self._turns.turn(host_of(url), pause):
                    answer = self._client.download(
                        url, path, headers=validators, max_bytes=most, redirects=0
                    )
            except FetchLimitError as error:
                raise LimitExceededError(f"{url}: {error}") from error
            except RefusedUrlError as error:
                raise SourceError(f"{url} is not fetched: {error}") from error
            except FetchError as error:
                if attempt == last:
                    raise SourceError(f"{url} cannot be fetched: {error}") from error
                self._turns.rest(2.0**attempt)
                continue
            if answer.status not in _LATER or attempt == last:
                return answer
            self._turns.rest(min(_retry_after(answer, 2.0**attempt), self._longest))
        raise AssertionError("the last attempt returns or raises")

    @property
    def _longest(self) -> float:
        return self._settings.longest_pause_s


def _required(answer: "Fetched") -> "Fetched":
    if answer.status in _GONE:
        raise GoneError(f"{answer.url} is gone: it is answered with status {answer.status}")
    if not answer.ok:
        raise SourceError(f"{answer.url} is answered with status {answer.status}")
    return answer


def _retry_after(answer: "Fetched", default: float) -> float:
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - utc_now()).total_seconds())
    except (ValueError, TypeError):
        return default
