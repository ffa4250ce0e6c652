"""When a server may be asked again."""

import asyncio
from collections.abc import Awaitable, Callable

from retrieval.errors import OverloadedError

Sleep = Callable[[float], Awaitable[None]]


class Pace:
    """Holds calls to `per_minute` (0: to none) and to the pauses that the server asks for.

    Use it from one event loop. The limit is that of this process.
    """

    def __init__(self, whose: str, per_minute: int, sleep: Sleep = asyncio.sleep) -> None:
        self._whose = whose
        self._gap = 60 / per_minute if per_minute else 0.0
        self._free_at = 0.0
        self._sleep = sleep

    async def turn(self, deadline: float) -> None:
        """Wait until the next call may be made; `OverloadedError` if that is past `deadline`."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._free_at)
        if at > deadline:
            raise OverloadedError(
                f"{self._whose} may not be asked for another {at - now:.0f} s; try again later"
            )
        self._free_at = at + self._gap
        if at > now:
            await self._sleep(at - now)

    def rest(self, seconds: float) -> None:
        """Let nobody ask for `seconds`."""
        self._free_at = max(self._free_at, asyncio.get_running_loop().time() + seconds)
