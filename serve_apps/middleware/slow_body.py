"""A time limit for bodies: whoever trickles one in keeps a slot from everybody else."""

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_apps import problems


class SlowBodyMiddleware:
    """Ends requests whose body takes longer than `seconds`.

    Every `bytes_per_s` bytes that have come buy one second more, so that large
    uploads over slow lines pass. The route's next read raises the problem.
    """

    def __init__(self, app: ASGIApp, seconds: float, bytes_per_s: int) -> None:
        self._app = app
        self._seconds = seconds
        self._bytes_per_s = bytes_per_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application with a body that ends in time."""
        if scope["type"] == "http":
            receive = self._timed(receive)
        await self._app(scope, receive, send)

    def _timed(self, receive: Receive) -> Receive:
        began, received, more = time.monotonic(), 0, True

        async def next_message() -> Message:
            nonlocal received, more
            if not more:
                return await receive()
            allowed = self._seconds + received / self._bytes_per_s
            try:
                async with asyncio.timeout(allowed - (time.monotonic() - began)):
                    message = await receive()
            except TimeoutError:
                raise self._problem(received) from None
            received += len(message.get("body", b""))
            more = message.get("more_body", False)
            return message

        return next_message

    def _problem(self, received: int) -> problems.ProblemError:
        return problems.ProblemError(
            problems.SLOW_BODY,
            f"Only {received:,} bytes of the body came in time. It may take {self._seconds:g} s, "
            f"and a second more for every {self._bytes_per_s:,} bytes. Send it faster.",
            headers={"Connection": "close"},
        )
