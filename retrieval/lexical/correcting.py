"""The stage that corrects the words of a query before the lexical side looks them up."""

import asyncio
import contextvars
import logging
from concurrent.futures import Executor

from retrieval.dense.snapshot import Snapshot
from retrieval.lexical.typos import TypoTolerance
from retrieval.query import SearchRequest
from retrieval.settings import SearchSettings
from retrieval.stopwatch import Stopwatch

_LOG = logging.getLogger(__name__)
# Longer nobody waits for a correction; what was found out by then spares the next search time.
_LIMIT_MS = 1_000


class SpellingStage:
    """Looks up words that may be typing errors; does nothing where all are known to be there."""

    def __init__(self, settings: SearchSettings, threads: Executor) -> None:
        self._settings = settings
        self._threads = threads
        self._typos = TypoTolerance()

    async def corrections(
        self, request: SearchRequest, snapshot: Snapshot, watch: Stopwatch
    ) -> dict[str, str]:
        """Return what words of the query are read as; none where that cannot be found in time."""
        wanted = request.typo_tolerance
        if not (self._settings.typo_tolerance if wanted is None else wanted):
            return {}
        query, scope = request.query, request.scope
        words = self._typos.doubtful(query, scope, snapshot.version)
        if not words:
            return {}
        known = self._typos.remembered(query, scope, snapshot.version)
        if known is not None:
            return known
        with watch.stage("spell"):
            context, loop = contextvars.copy_context(), asyncio.get_running_loop()
            work = (self._typos.corrections, query, words, scope, snapshot)
            try:
                limit = watch.require_time(_LIMIT_MS)
                running = loop.run_in_executor(self._threads, context.run, *work)
                return await asyncio.wait_for(running, limit)
            except Exception as error:
                # Searched as it is written; what is wrong with the index, the lexical side tells.
                _LOG.debug("cannot correct a query: %s", error)
                return {}
