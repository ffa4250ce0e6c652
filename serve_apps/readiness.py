"""Asking every part whether it can do its work."""

import asyncio
from collections.abc import Awaitable

from retrieval.errors import EmbeddingIdentityError
from serve_apps.services import Services
from serve_apps.wire import Part

_SECONDS = 3.0


async def check_parts(services: Services) -> list[Part]:
    """Return one line a part; each has three seconds to answer."""
    checks: dict[str, Awaitable[str]] = {
        "corpus": asyncio.to_thread(_corpus, services),
        "index": _index(services),
        "embedder": _embedder(services),
        "jobs": asyncio.to_thread(_jobs, services),
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
