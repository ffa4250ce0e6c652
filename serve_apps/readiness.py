"""Asking every part whether it can do its work."""

import asyncio
import time
from collections.abc import Awaitable

from retrieval.errors import EmbeddingIdentityError
from serve_apps.services import Services
from serve_apps.wire_state import Part

_SECONDS = 3.0
# Seconds for which an answer serves everybody; who waits for a part wants to know soon.
_GOOD_FOR = 5.0
_BAD_FOR = 1.0


class ReadinessCheck:
    """Asks the parts once in five seconds at most, or once a second while one of them fails.

    Anybody may ask, and each round of questions costs an embedding. Use it from one
    event loop.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._round: asyncio.Task[list[Part]] | None = None
        self._good_until = 0.0

    async def parts(self) -> list[Part]:
        """Return one line a part, a few seconds old at most."""
        if self._round is None or (self._round.done() and self._is_old()):
            self._round = asyncio.create_task(self._ask())
        # Who goes away must not take the answer from the others.
        return await asyncio.shield(self._round)

    def _is_old(self) -> bool:
        return time.monotonic() >= self._good_until

    async def _ask(self) -> list[Part]:
        parts = await check_parts(self._services)
        good = all(part.ok for part in parts)
        self._good_until = time.monotonic() + (_GOOD_FOR if good else _BAD_FOR)
        return parts


async def check_parts(services: Services) -> list[Part]:
    """Return one line a part; each has three seconds to answer."""
    checks: dict[str, Awaitable[str]] = {
        "corpus": asyncio.to_thread(_corpus, services),
        "index": _index(services),
        "embedder": _embedder(services),
        "jobs": services.state.call(_jobs, services),
    }
    return list(await asyncio.gather(*(_check(name, work) for name, work in checks.items())))


async def _check(name: str, work: Awaitable[str]) -> Part:
    try:
        return Part(name=name, ok=True, detail=await asyncio.wait_for(work, _SECONDS))
    except TimeoutError:
        return Part(name=name, ok=False, detail=f"no answer within {_SECONDS:g} s")
    except EmbeddingIdentityError as error:
        return Part(name=name, ok=False, detail=str(error))
    except Exception as error:
        return Part(name=name, ok=False, detail=f"failed: {type(error).__name__}")


def _corpus(services: Services) -> str:
    return f"version {services.corpus.version}"


async def _index(services: Services) -> str:
    if not services.searcher.version:
        await services.searcher.refresh()
    return f"version {services.searcher.version} is searched"


async def _embedder(services: Services) -> str:
    searched = await asyncio.to_thread(lambda: services.searcher.identity)
    searched.require(services.corpus.identity, "the corpus")
    vectors = await services.embedder.embed_queries(["ready"])
    return f"{services.corpus.identity.model}, {vectors.shape[1]} dimensions"


def _jobs(services: Services) -> str:
    services.jobs.list(limit=1)
    return "the state database answers"
