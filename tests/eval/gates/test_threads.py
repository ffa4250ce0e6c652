"""Blocking work that nobody has to wait for."""

import asyncio
import threading

import pytest

from eval.gates.threads import Threads


async def test_results_and_errors_come_back() -> None:
    threads = Threads(1)
    assert await threads.run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0)
    assert await threads.run(threading.get_ident) != threading.get_ident()


async def test_whoever_is_cancelled_leaves_at_once_and_the_place_stays_taken() -> None:
    threads, go_on = Threads(1), threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await threads.run(go_on.wait)
    second = asyncio.create_task(threads.run(lambda: "in"))
    await asyncio.sleep(0.02)
    assert not second.done()
    go_on.set()
    assert await second == "in"


async def test_a_coroutine_runs_on_its_own_loop_and_is_cancelled_with_the_waiting() -> None:
    threads, ended = Threads(1), threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def wait() -> None:
        loops.append(asyncio.get_running_loop())
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.create_task(threads.run_async(wait))
    while not loops:
        await asyncio.sleep(0.001)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(ended.wait, 10)
    assert loops != [asyncio.get_running_loop()]


async def test_what_is_cancelled_before_it_begins_never_does() -> None:
    threads, go_on = Threads(1), threading.Event()
    first = asyncio.create_task(threads.run(go_on.wait))
    await asyncio.sleep(0.01)
    begun: list[int] = []

    async def begin() -> None:
        begun.append(1)

    second = asyncio.create_task(threads.run_async(begin))
    await asyncio.sleep(0)
    second.cancel()
    go_on.set()
    await first
    await threads.run(lambda: None)
    assert not begun
