"""An event loop whose time passes at once: timers fire in order, and nobody waits for them."""

import asyncio
from typing import Any

import pytest


def let_time_fly(patch: pytest.MonkeyPatch) -> asyncio.AbstractEventLoop:
    """Return the running loop, whose clock jumps to the next timer when nothing else is to do.

    Only for code without threads and sockets: the loop does not wait for these.
    """
    loop: Any = asyncio.get_running_loop()
    now, select = 0.0, loop._selector.select

    def jump(timeout: float | None) -> object:
        nonlocal now
        assert timeout is not None, "everybody waits for something that never comes"
        now += timeout
        return select(0)

    patch.setattr(loop, "time", lambda: now)
    patch.setattr(loop._selector, "select", jump)
    return loop  # type: ignore[no-any-return]
