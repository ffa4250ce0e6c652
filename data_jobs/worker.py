"""A process that stays: it runs small jobs, several at once, without starting anything."""

import logging
import threading
from collections.abc import Sequence
from functools import partial
from queue import Empty, LifoQueue

from data_jobs.in_process import InProcess
from data_jobs.job import Job
from data_jobs.sandbox.sandbox import Sandbox
from data_jobs.settings import JobSettings
from data_jobs.small import is_small
from data_jobs.stages.embedding import LoadEmbedder
from data_jobs.stages.parsing import new_sandboxes
from retrieval.closing import Closing
from retrieval.job_request import JobRequest
from retrieval.jobs import JobStore

_log = logging.getLogger(__name__)


class JobWorker(Closing):
    """Runs jobs of the store in threads, with parsers that are kept between jobs.

    `load_embedder` replaces the configured model.
    """

    def __init__(self, settings: JobSettings, load_embedder: LoadEmbedder | None = None) -> None:
        self._settings = settings
        self._load = load_embedder
        self._jobs = JobStore(settings.state_url)
        self._running: dict[str, threading.Thread] = {}
        # What was given back last is warm.
        self._free: LifoQueue[Sequence[Sandbox]] = LifoQueue()
        for _ in range(settings.ingest.small_jobs):
            self._free.put(new_sandboxes(settings.ingest))

    @property
    def running(self) -> list[str]:
        """The ids of the jobs that run here."""
        return list(self._running)

    def take(self, job_id: str) -> bool:
        """Begin to run a job of the store; False where it is too large or all hands are full."""
        job = self._jobs.get(job_id)
        if job is None or job.finished or job_id in self._running:
            return False
        if not is_small(job.request, self._settings.ingest, self._settings.s3):
            return False
        try:
            sandboxes = self._free.get_nowait()
        except Empty:
            return False
        arguments = (job_id, job.request, sandboxes)
        # What holds a process up must not keep it from ending.
        thread = threading.Thread(target=self._run, args=arguments, daemon=True)
        self._running[job_id] = thread
        thread.start()
        return True

    def close(self) -> None:
        """Have the jobs that run stop, wait for them, and end the parsers.

        They are left as stopped; run again, they go on from what is stored.
        """
        for job_id in self.running:
            self._jobs.request_stop(job_id)
        for thread in list(self._running.values()):
            thread.join()
        while not self._free.empty():
            for sandbox in self._free.get():
                sandbox.close()
        self._jobs.close()

    def _run(self, job_id: str, request: JobRequest, sandboxes: Sequence[Sandbox]) -> None:
        start = partial(InProcess, sandboxes)
        job = Job(request, self._settings, None, True, self._load, start)
        try:
            job.run(job_id)
        except Exception as error:
            # The job's row says it, too.
            _log.warning("the job %s failed: %s", job_id, error)
        finally:
            self._free.put(sandboxes)
            self._running.pop(job_id, None)
