"""Requests of the providers: through the guarded client, one host after its own pace."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from data_jobs.video.failures import Failure, failure_of
from data_jobs.video.settings import VideoSettings
from data_jobs.web.turns import Turns
from retrieval.fetching.errors import FetchError, RefusedUrlError

if TYPE_CHECKING:
    from retrieval.fetching.client import Fetched, GuardedClient


class Requests:
    """Fetches for the providers; raises `Failure`; safe from any thread."""

    def __init__(self, client: "GuardedClient", settings: VideoSettings, turns: Turns) -> None:
        self._client = client
        self._settings = settings
        self._turns = turns

    def get(self, url: str, most: int, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the body of `url`."""
        return _required(self._fetch("GET", url, most, headers)).body

    def post_json(self, url: str, body: object, most: int, headers: Mapping[str, str]) -> Any:
        """Send `body` as JSON to an API; return the answer's JSON."""
        given = dict(headers) | {"Content-Type": "application/json"}
        answer = self._fetch("POST", url, most, given, json.dumps(body).encode())
        return parsed_json(_required(_unless_gone(answer)).body)

    def get_json(self, url: str, most: int, headers: Mapping[str, str] | None = None) -> Any:
        """Return the JSON that an API gives at `url`."""
        return parsed_json(_required(_unless_gone(self._fetch("GET", url, most, headers))).body)

    def download(self, url: str, path: Path) -> Path:
        """Write what is at `url` to `path`; a body that ends early is a failure."""
        with self._turns.turn(urlsplit(url).netloc, self._settings.pause_s):
            try:
                answer = self._client.download(
                    url,
                    path,
                    max_bytes=self._settings.max_bytes,
                    timeout_s=self._settings.download_s,
                )
            except FetchError as error:
                raise _failure(error) from error
        _required(answer)
        if answer.size == 0:
            raise Failure("later", "the downloaded file is empty")
        return path

    def _fetch(
        self,
        method: str,
        url: str,
        most: int,
        headers: Mapping[str, str] | None,
        content: bytes | None = None,
    ) -> "Fetched":
        with self._turns.turn(urlsplit(url).netloc, self._settings.pause_s):
            try:
                return self._client.fetch(
                    url,
                    method=method,
                    headers=headers,
                    content=content,
                    max_bytes=most,
                    timeout_s=self._settings.step_s,
                )
            except FetchError as error:
                raise _failure(error) from error


def parsed_json(body: bytes) -> Any:
    """Return the JSON in `body`; `Failure` where it is cut off or none."""
    try:
        return json.loads(body)
    except ValueError as error:
        raise Failure("later", f"the answer is no JSON: {error}") from error


def _required(answer: "Fetched") -> "Fetched":
    if answer.ok:
        return answer
    raise Failure("absent" if answer.status == 404 else "later", f"status {answer.status}")


def _unless_gone(answer: "Fetched") -> "Fetched":
    """Return an API's answer, unless it says why there is no such video."""
    told = "" if answer.ok else _told(answer.body)
    if told and answer.status != 429:
        raise failure_of(f"status {answer.status}: {told}")
    return answer


def _told(body: bytes) -> str:
    """Return the reason in the body of an error, where it is Invidious' own."""
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    return str(answer.get("error") or "")[:200] if isinstance(answer, dict) else ""


def _failure(error: FetchError) -> Failure:
    return Failure("absent" if isinstance(error, RefusedUrlError) else "later", str(error))
