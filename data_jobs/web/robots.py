"""What robots.txt of a host allows (RFC 9309)."""

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protego import Protego

from data_jobs.errors import SourceError
from data_jobs.web.settings import WebSettings
from data_jobs.web.turns import Turns
from data_jobs.web.urls import host_of
from retrieval.fetching.errors import FetchError, FetchLimitError, RefusedUrlError

if TYPE_CHECKING:
    from retrieval.fetching.client import GuardedClient

_LONGEST = 512_000
_KEPT_S = 3_600.0


@dataclass(frozen=True, slots=True)
class _Rules:
    read_at: float
    rules: Protego | None
    refusal: str = ""


class Robots:
    """Reads robots.txt once an hour for each host; safe from any thread."""

    def __init__(
        self, client: "GuardedClient", settings: WebSettings, agent: str, turns: Turns
    ) -> None:
        self._client = client
        self._settings = settings
        # Groups of robots.txt name the product alone.
        self._agent = agent.partition("/")[0].strip()
        self._turns = turns
        self._known: dict[str, _Rules] = {}
        self._lock = threading.Lock()

    def pause(self, url: str) -> float:
        """Return the seconds between two requests to the host of `url`.

        Raises `SourceError` where its robots.txt does not want `url` to be fetched, or
        cannot be had because the host is in trouble.
        """
        pause = 1 / self._settings.rate_per_s
        if not self._settings.robots:
            return pause
        found = self._rules(host_of(url))
        if found.rules is None:
            raise SourceError(f"{url} is not fetched: {found.refusal}")
        if not found.rules.can_fetch(url, self._agent):
            raise SourceError(
                f"{url} is not fetched: robots.txt of the host does not want {self._agent!r} there"
            )
        pause = max(pause, _asked(found.rules, self._agent))
        if pause > self._settings.longest_pause_s:
            raise SourceError(
                f"{url} is not fetched: its host wants pauses of {pause:g} s, and at most "
                f"{self._settings.longest_pause_s:g} s are made (PMOVES_WEB__LONGEST_PAUSE_S)"
            )
        return pause

    def _rules(self, host: str) -> _Rules:
        with self._lock:
            found = self._known.get(host)
        if found is None or time.monotonic() - found.read_at > _KEPT_S:
            found = self._read(host)
            with self._lock:
                self._known[host] = found
        return found

    def _read(self, host: str) -> _Rules:
        now, url = time.monotonic(), f"{host}/robots.txt"
        try:
            with self._turns.turn(host, 1 / self._settings.rate_per_s):
                answer = self._client.fetch(url, max_bytes=_LONGEST)
        except RefusedUrlError as error:
            return _Rules(now, None, str(error))
        except FetchLimitError:
            # What is too long for a robots.txt is none.
            return _Rules(now, Protego.parse(""))
        except FetchError as error:
            return _Rules(now, None, f"its robots.txt cannot be read: {error}")
        if answer.status >= 500 or answer.status == 429:
            return _Rules(now, None, f"its robots.txt is answered with status {answer.status}")
        text = answer.body.decode("utf-8", "replace") if answer.ok else ""
        return _Rules(now, Protego.parse(text))


def _asked(rules: Protego, agent: str) -> float:
    delay = rules.crawl_delay(agent) or 0.0
    rate = rules.request_rate(agent)
    return max(float(delay), rate.seconds / rate.requests if rate and rate.requests else 0.0)
