"""The circuit breaker, in virtual time: who is refused when, and who decides."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from retrieval.circuit import CircuitBreaker, CircuitOpenError
from retrieval.errors import OverloadedError, StageError
from tests.virtual_time import let_time_fly

PATIENCE, PAUSE = 2.0, 1.0
# A call makes the breaker ask after a quarter of its patience.
DETECTION = 1.25 * PATIENCE


@dataclass
class Service:
    """Answers after `seconds`, never, or with an error."""

    seconds: float | None = 0.01
    error: Exception | None = None
    trials: int = 0
    calls: int = 0
    changes: list[bool] = field(default_factory=list)

    async def answer(self) -> str:
        """Be as it is told to."""
        if self.error is not None:
            raise self.error
        if self.seconds is None:
            await asyncio.Event().wait()
        await asyncio.sleep(self.seconds or 0)
        return "answer"

    async def call(self) -> str:
        """A call of a user."""
        self.calls += 1
        return await self.answer()

    async def trial(self) -> str:
        """A call of the breaker."""
        self.trials += 1
        return await self.answer()


@pytest.fixture
async def loop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.AbstractEventLoop]:
    """The running loop, in virtual time."""
    with monkeypatch.context() as patch:
        yield let_time_fly(patch)


@pytest.fixture
def service() -> Service:
    """A service that answers."""
    return Service()


@pytest.fixture
def breaker(service: Service) -> CircuitBreaker:
    """A breaker in front of the service."""
    return CircuitBreaker("part", service.trial, PATIENCE, PAUSE, service.changes.append)


async def refused_after(loop: asyncio.AbstractEventLoop, call: Awaitable[object]) -> float:
    """Wait until `call` is refused by the open circuit; return the seconds that took."""
    began = loop.time()
    with pytest.raises(CircuitOpenError, match=r"the part does not answer; .* every 1 s"):
        await call
    return loop.time() - began


async def test_calls_pass_and_cost_no_trial(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker
) -> None:
    assert [await breaker.call(service.call) for _ in range(3)] == ["answer"] * 3
    assert (service.trials, service.changes) == (0, [])


async def test_a_silent_service_keeps_nobody_for_long(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker
) -> None:
    service.seconds = None
    waits = await asyncio.gather(
        *(refused_after(loop, breaker.call(service.call)) for _ in range(20))
    )
    assert set(waits) == {DETECTION}
    assert (service.trials, service.calls, service.changes) == (1, 20, [True])


async def test_an_open_circuit_refuses_at_once_without_asking(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker
) -> None:
    service.seconds = None
    await refused_after(loop, breaker.call(service.call))
    assert [await refused_after(loop, breaker.call(service.call)) for _ in range(9)] == [0.0] * 9
    assert service.calls == 1
    with pytest.raises(CircuitOpenError):
        breaker.check()


async def test_it_closes_by_itself_once_the_service_answers(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker
) -> None:
    service.seconds = None
    await refused_after(loop, breaker.call(service.call))
    await asyncio.sleep(20)
    service.seconds = 0.01
    # The trial on its way still gets no answer; the next one does.
    await asyncio.sleep(PATIENCE + PAUSE + 0.02)
    assert await breaker.call(service.call) == "answer"
    assert service.changes == [True, False]


async def test_trials_of_an_open_circuit_keep_their_pause(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker
) -> None:
    service.error = StageError("gone")
    with pytest.raises(StageError, match="gone"):
        await breaker.call(service.call)
    await asyncio.sleep(10 * PAUSE + 0.5)
    assert service.trials == 11


async def test_an_error_that_happens_once_opens_nothing(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker
) -> None:
    service.error = StageError("a replica died")
    with pytest.raises(StageError, match="a replica died"):
        await breaker.call(service.call)
    service.error = None
    await asyncio.sleep(PATIENCE)
    assert (service.trials, service.changes) == (1, [])


async def test_callers_without_patience_open_nothing(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker
) -> None:
    service.seconds = 0.1
    for _ in range(1_000):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(breaker.call(service.call), 0.01)
    assert service.changes == []
    # Ten seconds have passed: what such callers cost is bounded.
    assert service.trials <= 10


async def test_short_limits_of_callers_do_not_hide_a_silent_service(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker
) -> None:
    service.seconds = None
    waits = []
    while loop.time() < 10:
        began = loop.time()
        with pytest.raises((TimeoutError, CircuitOpenError)):
            await asyncio.wait_for(breaker.call(service.call), 0.3)
        waits.append(loop.time() - began)
        await asyncio.sleep(0.1)
    assert sum(waits) <= 0.3 + PATIENCE
    assert waits[-50:] == [0.0] * 50


async def test_a_slow_service_is_used_while_its_trials_are_answered(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker
) -> None:
    service.seconds = 0.9 * PATIENCE
    assert [await breaker.call(service.call) for _ in range(5)] == ["answer"] * 5
    assert service.changes == []
    assert service.trials >= 1


async def test_a_full_service_is_no_silent_one(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker
) -> None:
    service.error = OverloadedError("full")
    for _ in range(3):
        with pytest.raises(OverloadedError):
            await breaker.call(service.call)
    assert service.trials == 0
    breaker.doubt()
    await asyncio.sleep(PATIENCE)
    assert (service.trials, service.changes) == (1, [])


async def test_a_full_service_does_not_close_the_circuit(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker
) -> None:
    service.seconds = None
    await refused_after(loop, breaker.call(service.call))
    service.error = OverloadedError("full")
    await asyncio.sleep(10)
    assert await refused_after(loop, breaker.call(service.call)) == 0
    service.error, service.seconds = None, 0.01
    await asyncio.sleep(PAUSE + 0.02)
    assert await breaker.call(service.call) == "answer"


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_the_service_does_callers_wait_briefly_and_learn_of_its_return(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker, seed: int
) -> None:
    chance = random.Random(seed)
    states: list[Callable[[], None]] = [
        lambda: setattr(service, "seconds", None),
        lambda: setattr(service, "seconds", chance.uniform(0, 3 * PATIENCE)),
        lambda: setattr(service, "error", StageError("gone")),
        lambda: setattr(service, "error", OverloadedError("full")),
    ]
    waits: list[float] = []

    async def ask() -> None:
        while loop.time() < 200:
            began = loop.time()
            limit = chance.choice([0.05, 1.0, 30.0])
            with suppress(StageError, OverloadedError, TimeoutError):
                await asyncio.wait_for(breaker.call(service.call), limit)
            waits.append(loop.time() - began)
            await asyncio.sleep(chance.uniform(0.01, 0.5))

    async def change() -> None:
        while loop.time() < 200:
            service.seconds, service.error = 0.01, None
            chance.choice(states)()
            await asyncio.sleep(chance.uniform(1, 20))

    await asyncio.gather(change(), *(ask() for _ in range(5)))
    # A service that gets slower under way answers a trial now and then.
    assert max(waits) <= 3 * PATIENCE + PAUSE
    service.seconds, service.error = 0.01, None
    await asyncio.sleep(PATIENCE + PAUSE + 0.1)
    assert await breaker.call(service.call) == "answer"


async def test_what_is_watched_makes_the_breaker_ask_and_is_not_let_go(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker
) -> None:
    service.seconds = None
    with breaker.watched():
        await asyncio.sleep(DETECTION + 0.1)
        assert (service.trials, service.changes) == (1, [True])
    with pytest.raises(CircuitOpenError), breaker.watched():
        pytest.fail("the circuit is open")


async def test_a_watched_block_that_fails_makes_it_ask_but_not_one_that_is_full(
    loop: asyncio.AbstractEventLoop, service: Service, breaker: CircuitBreaker
) -> None:
    for error, trials in ((OverloadedError("full"), 0), (StageError("gone"), 1)):
        with pytest.raises(type(error)), breaker.watched():
            raise error
        await asyncio.sleep(1)
        assert (service.trials, service.changes) == (trials, [])
