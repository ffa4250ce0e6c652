"""The rate of each key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunk import utc_now
from retrieval.state.keys import ApiKey
from serve_apps import problems
from serve_apps.api import create_app
from serve_apps.problems import ProblemError
from serve_apps.rate_limit import RateLimiter
from serve_apps.services import Services
from tests.serve_apps.support import bearer, client_of, make_key, problem


class Clock:
    """Seconds, as the test sets them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds


def key_with(rate_limit: int | None, key_id: str = "k") -> ApiKey:
    return ApiKey(role="read", key_id=key_id, created_at=utc_now(), rate_limit=rate_limit)


def granted(limiter: RateLimiter, key: ApiKey) -> bool:
    try:
        limiter.spend(key)
    except ProblemError:
        return False
    return True


@given(
    st.integers(1, 6_000),
    st.integers(1, 5),
    st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=200),
)
def test_no_key_gets_more_than_its_rate_and_one_burst(
    rate: int, replicas: int, pauses: list[float]
) -> None:
    clock = Clock()
    limiter, key = RateLimiter(replicas, clock), key_with(rate)
    count = 0
    for pause in pauses:
        clock.seconds += pause
        count += granted(limiter, key)
    per_second = rate / 60 / replicas
    assert count <= max(1, per_second * 10) + per_second * clock.seconds + 1e-6


@given(st.integers(1, 600))
def test_who_waits_as_told_is_let_in(rate: int) -> None:
    clock = Clock()
    limiter, key = RateLimiter(clock=clock), key_with(rate)
    while granted(limiter, key):
        pass
    with pytest.raises(ProblemError) as refused:
        limiter.spend(key)
    assert refused.value.kind is problems.RATE_LIMITED
    clock.seconds += int(refused.value.headers["Retry-After"])
    assert granted(limiter, key)


def test_keys_do_not_share_a_rate() -> None:
    limiter = RateLimiter(clock=Clock())
    one, other, free = key_with(1, "one"), key_with(1, "other"), key_with(None, "free")
    assert [granted(limiter, key) for key in (one, one, other)] == [True, False, True]
    assert all(granted(limiter, free) for _ in range(1_000))


async def test_a_key_over_its_rate_gets_429(services: Services) -> None:
    slow, fast = make_key(services, "read", rate_limit=6), make_key(services, "read")
    async with client_of(create_app(services)) as client:
        assert (await client.get("/namespaces", headers=bearer(slow))).status_code == 200
        answer = await client.get("/namespaces", headers=bearer(slow))
        told = problem(answer, problems.RATE_LIMITED)
        assert told["limits"] == {"requests_per_minute": 6}
        assert 1 <= int(answer.headers["retry-after"]) <= 10
        assert (await client.get("/namespaces", headers=bearer(fast))).status_code == 200
