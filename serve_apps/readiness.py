"""Asking every part whether it can do its work."""

import asyncio
import time
from collections.abc import Awaitable

from retrieval.errors import EmbeddingIdentityError, PmovesError
from serve_apps.services import Services
from serve_apps.wire_state import Part

_SECONDS = 3.0
# Seconds for which an answer serves everybody; who waits for a part wants to know soon.
_GOOD_FOR = 5.0
_BAD_FOR = 1.0


class NotStartedError(PmovesError):
    """A part that was started is not there when it should be."""


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
    except (EmbeddingIdentityError, NotStartedError) as error:
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
    identity = services.corpus.identity
    searched.require(identity, "the corpus")
    if services.embedder_absent_s is not None:
        return f"{identity.model}, {_resting(services, services.embedder_absent_s())}"
    # Also where the gateway embeds questions itself: writes need the deployment.
    asked = services.deployed_embedder or services.embedder
    vectors = await asked.embed_queries(["ready"])
    return f"{identity.model}, {vectors.shape[1]} dimensions"


def _resting(services: Services, absent_s: float) -> str:
    """Return how an embedder is that may rest; asking it would keep it from that."""
    start_s = services.settings.serve.embedder_start_s
    if absent_s > start_s:
        raise NotStartedError(
            f"has not come {absent_s:.0f} s after it was asked for "
            f"(PMOVES_SERVE__EMBEDDER_START_S is {start_s:g}); `pmoves tiers` shows whether there "
            "is room for it"
        )
    return "is being started" if absent_s else "starts when it is asked"


def _jobs(services: Services) -> str:
    services.jobs.list(limit=1)
    return "the state database answers"
