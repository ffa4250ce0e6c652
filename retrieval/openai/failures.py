"""What the refusals of a server mean, and whether to ask again."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from retrieval.errors import OverloadedError, PmovesError, StageError
from retrieval.openai.endpoint import Endpoint
from retrieval.openai.errors import RefusedError

if TYPE_CHECKING:
    import httpx

_FULL = frozenset({429, 503, 529})
_PASSING = frozenset({408, 425, 500, 502, 504})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


@dataclass(frozen=True, slots=True)
class Failure:
    """One call that failed: what to raise, whether another may succeed, and when.

    `after` are the seconds that the server asks for, None where it names none.
    """

    error: PmovesError
    passing: bool = False
    after: float | None = None

    @property
    def full(self) -> bool:
        """Whether the server has too much to do."""
        return isinstance(self.error, OverloadedError)

    def pause(self, attempt: int) -> float:
        """Return the seconds to wait before the next call; `attempt` counts from 0."""
        backoff = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**attempt)
        # Jitter, so that callers that failed together do not come back together.
        return backoff * random.uniform(0.5, 1.0) if self.after is None else self.after


def unreachable(endpoint: Endpoint, error: "httpx.HTTPError") -> Failure:
    """Return what it means that `endpoint` did not answer."""
    told = f"{endpoint.url} does not answer: {type(error).__name__}"
    return Failure(StageError(told), passing=True)


def refused(endpoint: Endpoint, answer: "httpx.Response") -> Failure:
    """Return what the answer of an error means; its body must have been read."""
    status, url = answer.status_code, endpoint.url
    if status in _FULL:
        told = OverloadedError(f"{url} has too much to do ({status}); try again later")
        return Failure(told, passing=True, after=retry_after(answer.headers))
    said = answer.text[:200]
    if status in (401, 403):
        told_key = f"{url} does not take the key ({status}): {said!r}; set {endpoint.key}"
        return Failure(RefusedError(told_key, status))
    told_status = RefusedError(f"{url} answered {status}: {said!r}", status)
    return Failure(told_status, passing=status in _PASSING)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a `Retry-After`, which is a number or a date (RFC 9110)."""
    text = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
