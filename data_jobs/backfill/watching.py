"""Watching sources: looking again and again, and ingesting what is new once it has settled."""

import time
from collections.abc import Callable

from data_jobs.backfill.survey import Survey, survey
from data_jobs.settings import JobSettings
from retrieval.errors import PmovesError
from retrieval.job_request import JobRequest

_Sign = dict[str, tuple[int, int]]


class Watcher:
    """Says whether the sources of a request hold something to ingest.

    What differs from the look before is still being written, and waits for the next one.
    What was left after a run, for whatever reason, is no cause for another one.
    """

    def __init__(self, request: JobRequest, settings: JobSettings) -> None:
        self._request = request
        self._settings = settings
        self._before: _Sign | None = None
        self._left: _Sign = {}

    def has_more(self) -> bool:
        """Look once; raises a `PmovesError` where the sources cannot be looked at."""
        found = self._look()
        settled, self._before = found == self._before, found
        return settled and found != self._left and any(documents for documents, _ in found.values())

    def ingested(self) -> None:
        """Note what a run has left."""
        self._left = self._look()
        self._before = self._left

    def _look(self) -> _Sign:
        return _sign(survey(self._request, self._settings))


def keep_watching(
    watcher: Watcher,
    run: Callable[[], object],
    tell: Callable[[str], None],
    seconds: float,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Call `run` now, and after each look that finds more, until an exception ends it.

    A run or a look that fails with a `PmovesError` is told, and tried again with the next look.
    """
    wanted = True
    while True:
        try:
            if wanted or watcher.has_more():
                wanted = True
                run()
                wanted = False
                watcher.ingested()
        except PmovesError as error:
            tell(f"{error}; trying again in {seconds:g} s")
        wait(seconds)


def _sign(found: Survey) -> _Sign:
    return {lane: (counts.to_do, counts.bytes) for lane, counts in found.lanes.items()}
