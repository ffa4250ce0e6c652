"""Work that the gateway does between requests."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from serve_apps.jobs import JobWatcher
from serve_apps.services import LaunchError, Services

_WATCH_SECONDS = 2.0
_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def background(services: Services) -> AsyncIterator[None]:
    """Follow the corpus, the jobs and the keys while the context is open."""
    pause = services.settings.serve.refresh_ms / 1000
    watcher, keyring = JobWatcher(services), services.keyring
    keys_pause = services.settings.keys.refresh_s
    tasks = [
        asyncio.create_task(_repeat(lambda: refresh(services), pause)),
        asyncio.create_task(_repeat(lambda: asyncio.to_thread(watcher.look), _WATCH_SECONDS)),
        asyncio.create_task(_repeat(lambda: asyncio.to_thread(keyring.load), keys_pause)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        keyring.close()


async def refresh(services: Services) -> int:
    """Let searches see the newest corpus version; return its number."""
    metrics = services.metrics
    try:
        version = await services.searcher.refresh()
        newest = await asyncio.to_thread(lambda: services.corpus.version)
    except Exception:
        metrics.count("pmoves_index_refresh_errors_total")
        raise
    metrics.set("pmoves_index_version", version)
    metrics.set("pmoves_index_lag_versions", max(0, newest - version))
    return version


async def _repeat(work: Callable[[], Awaitable[object]], pause: float) -> None:
    failing = False
    while True:
        try:
            await work()
            failing = False
        except LaunchError as error:
            _log.warning("%s", error)
        except Exception:
            # Once per spell of trouble; the counter tells the rest.
            if not failing:
                _log.exception("background work failed; it goes on trying")
            failing = True
        await asyncio.sleep(pause)
