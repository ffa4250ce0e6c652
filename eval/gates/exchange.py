"""Where requests come from and answers go to; a broker attaches here.

A source yields deliveries, a sink publishes answers. A delivery is acknowledged
once its answer is published, so that a broker delivers it again where that failed;
the gate then gives the answer that it has stored.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Protocol

from eval.gates.answers import Answer
from eval.gates.gate import PersonaGate

_LOG = logging.getLogger(__name__)


class Delivery(Protocol):
    """One request as it came."""

    @property
    def body(self) -> bytes:
        """The event, a JSON document."""
        ...

    async def acknowledge(self) -> None:
        """Say that it need not be delivered again."""
        ...


class RequestSource(Protocol):
    """Yields deliveries on `persona.publish.request.v1` until it is closed."""

    def __aiter__(self) -> AsyncIterator[Delivery]: ...


class AnswerSink(Protocol):
    """Takes answers; one topic for those that are published, one for those that failed."""

    async def publish(self, answer: Answer) -> None:
        """Send an answer on its topic; any exception says that it has not been sent."""
        ...


async def attend(
    source: RequestSource, sink: AnswerSink, gate: PersonaGate, *, at_once: int = 16
) -> None:
    """Answer each delivery of `source`, so many at once, until there are no more."""
    places = asyncio.Semaphore(at_once)
    async with asyncio.TaskGroup() as group:
        async for delivery in source:
            await places.acquire()
            task = group.create_task(_attend(delivery, sink, gate))
            task.add_done_callback(lambda _: places.release())


async def _attend(delivery: Delivery, sink: AnswerSink, gate: PersonaGate) -> None:
    answer = await gate.answer(delivery.body)
    try:
        await sink.publish(answer)
        await delivery.acknowledge()
    except Exception:
        # Delivered again, it gets the answer that is stored.
        _LOG.exception("the answer to a request could not be sent")
