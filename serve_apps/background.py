"""Work that the gateway does between requests."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from retrieval.errors import PmovesError
from serve_apps.jobs import JobWatcher
from serve_apps.schedules import start_due
from serve_apps.services import LaunchError, Services

_WATCH_SECONDS = 2.0
_EVENTS_SECONDS = 2.0
_SCHEDULES_SECONDS = 5.0
# Those who take events or jobs may be slow, too.
_DELIVERY_S = _STARTS_S = 600.0
_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def background(services: Services) -> AsyncIterator[None]:
    """Follow the corpus, keep it in order, watch jobs, schedules and keys until it is closed.

    Where other deployments hold the vectors, it opens once they have loaded them.
    """
    await _until_loaded(services)
    serve, keyring = services.settings.serve, services.keyring
    watcher, keys_pause = JobWatcher(services), services.settings.keys.refresh_s
    state = services.state
    tasks = [
        asyncio.create_task(_repeat(lambda: refresh(services), serve.refresh_ms / 1000)),
        asyncio.create_task(_repeat(lambda: keep_up(services), serve.upkeep_s)),
        asyncio.create_task(_repeat(lambda: state.call(watcher.look), _WATCH_SECONDS)),
        asyncio.create_task(_repeat(lambda: state.call(keyring.load), keys_pause)),
        asyncio.create_task(
            _repeat(lambda: state.call(deliver, services, limit_s=_DELIVERY_S), _EVENTS_SECONDS)
        ),
        asyncio.create_task(
            _repeat(lambda: state.call(start_due, services, limit_s=_STARTS_S), _SCHEDULES_SECONDS)
        ),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        keyring.close()
        state.close()
        if "relations" in vars(services):
            services.relations.close()
        if services.answering:
            await services.answering.close()
        # Made by its first use, which a database out of reach may have prevented.
        if "relay" in vars(services):
            services.relay.close()
        if "schedules" in vars(services):
            services.schedules.close()


async def _until_loaded(services: Services) -> None:
    if services.loaded:
        await services.loaded()
        # What fails here is tried again, and told, by the rounds that follow.
        with contextlib.suppress(PmovesError, OSError):
            await refresh(services)


async def refresh(services: Services) -> int:
    """Let searches see the newest corpus version; return its number."""
    metrics = services.metrics
    try:
        version = await services.searcher.refresh()
        newest = await asyncio.to_thread(lambda: services.corpus.version)
    except Exception:
        metrics.count("pmoves_index_refresh_errors_total")
        metrics.set("pmoves_index_lag_seconds", services.searcher.lag_seconds(None))
        raise
    for seconds in services.searcher.delays():
        metrics.observe("pmoves_index_apply_seconds", seconds=seconds)
    metrics.set("pmoves_index_lag_seconds", services.searcher.lag_seconds(newest))
    metrics.set("pmoves_index_version", version)
    metrics.set("pmoves_index_lag_versions", max(0, newest - version))
    for shard in services.searcher.shards():
        metrics.set("pmoves_dense_shard_rows", shard.rows, str(shard.number))
        metrics.set("pmoves_dense_shard_lag_seconds", shard.lag_s, str(shard.number))
    _tell_of_engines(services)
    return version


def _tell_of_engines(services: Services) -> None:
    metrics, engine = services.metrics, services.searcher.engine
    for name, progress in services.projections().items():
        metrics.set("pmoves_projection_lag_versions", progress.lag_versions, name)
        metrics.set("pmoves_projection_lag_seconds", progress.lag_seconds, name)
        metrics.set("pmoves_projection_failing", progress.trouble is not None, name)
    if engine:
        metrics.set("pmoves_text_engine_circuit_open", not engine.available)


def deliver(services: Services) -> None:
    """Deliver the events that are due; several replicas share them."""
    metrics, relay = services.metrics, services.relay
    done = relay.run(services.corpus.ledger)
    metrics.count("pmoves_events_delivered_total", by=done.delivered)
    metrics.count("pmoves_events_failed_total", by=done.failed)
    for state, count in relay.deliveries.counts().items():
        metrics.set("pmoves_event_deliveries", count, state)


async def keep_up(services: Services) -> None:
    """Join small files, merge index segments and drop old versions, where they are many.

    Of several replicas one does it, and the others find that out at once.
    """
    outcome = "failed"
    try:
        done = await asyncio.to_thread(services.corpus.optimize)
        outcome = "done" if done else "elsewhere"
    finally:
        services.metrics.count("pmoves_upkeep_runs_total", outcome)


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
