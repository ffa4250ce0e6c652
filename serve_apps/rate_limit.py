"""How often each key may ask: a token bucket for each, as in RFC 4115's terms of rate and burst."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from retrieval.state.keys import ApiKey
from serve_apps.problems import RATE_LIMITED, ProblemError

# A key may save up what it is granted in so many seconds.
_BURST_S = 10.0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


class RateLimiter:
    """Holds every key to its rate in one gateway replica, of which there are `replicas`."""

    def __init__(self, replicas: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._replicas = replicas
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def spend(self, key: ApiKey) -> None:
        """Count one request of `key`; `ProblemError` 429 where it is one too many."""
        if key.rate_limit is None:
            return
        per_second = key.rate_limit / 60 / self._replicas
        most = max(1.0, per_second * _BURST_S)
        now = self._clock()
        bucket = self._buckets.setdefault(key.key_id, _Bucket(most, now))
        bucket.tokens = min(most, bucket.tokens + (now - bucket.filled) * per_second)
        bucket.filled = now
        if bucket.tokens < 1:
            raise _too_many(key.rate_limit, math.ceil((1 - bucket.tokens) / per_second))
        bucket.tokens -= 1


def _too_many(rate_limit: int, seconds: int) -> ProblemError:
    return ProblemError(
        RATE_LIMITED,
        f"This key may ask {rate_limit} times a minute. Try again in {seconds} s.",
        limits={"requests_per_minute": rate_limit},
        headers={"Retry-After": str(seconds)},
    )
