"""Starting, stopping and watching ingest jobs. Blocking: run these in threads."""

import contextlib
import logging
import shutil
import time
from datetime import datetime
from pathlib import Path

from retrieval.errors import InvalidInputError
from retrieval.jobs import Job, JobRequest
from serve_apps.services import NEAR, LaunchError, Services

_STOP_GRACE_S = 15.0
# A job that runs writes its row every second, but a process may stand still for a while.
_SILENCE_S = 120.0
# Where its call has broken off, too, the process is hardly coming back.
_LEFT_S = 15.0
_GONE = "the process that ran the job is gone; start it again, it goes on from what is stored"
_log = logging.getLogger(__name__)
# Seconds for which a caller waits until a job is stored and the cluster has taken it.
START_S = 60.0


def uploads_folder(services: Services, job_id: str) -> Path:
    """Return where the files of an upload lie."""
    return services.settings.home.absolute() / "uploads" / job_id


def start_job(services: Services, request: JobRequest, job_id: str | None = None) -> Job:
    """Store a job and have it run; `LaunchError` if nothing runs it, and it is failed then."""
    job = services.jobs.create(request, job_id)
    try:
        return launch(services, job)
    except LaunchError:
        shutil.rmtree(uploads_folder(services, job.job_id), ignore_errors=True)
        raise


def restart_job(services: Services, job: Job) -> Job:
    """Have a job that has ended run once more; what is unchanged is skipped.

    `InvalidInputError` where somebody else has done so meanwhile, `LaunchError` as above.
    """
    return launch(services, services.jobs.requeue(job.job_id, job.state))


def launch(services: Services, job: Job, *, small: bool = True) -> Job:
    """Have a stored job run; `LaunchError` as above."""
    try:
        runner_id = services.launcher.submit(job.job_id, small=small)
        services.jobs.set_runner(job.job_id, runner_id)
    except LaunchError as error:
        services.jobs.finish(job.job_id, "failed", str(error))
        raise
    services.metrics.count("pmoves_jobs_started_total")
    return services.jobs.get(job.job_id) or job


class JobWatcher:
    """Brings the store in line with what became of the runs.

    A run that dies without a word leaves its job running; one that was asked to
    stop and does not is ended after a while. A job of no Ray job of which nothing was heard
    for `silence_s`, or `left_s` where the call that ran it has broken off, has lost its process:
    one of the mesh's own is run as a Ray job then.
    """

    def __init__(
        self,
        services: Services,
        grace_s: float = _STOP_GRACE_S,
        silence_s: float = _SILENCE_S,
        left_s: float = _LEFT_S,
    ) -> None:
        self._services = services
        self._grace_s = grace_s
        self._silence_s = silence_s
        self._left_s = left_s
        self._asked: dict[str, float] = {}
        self._heard: dict[str, tuple[datetime, float]] = {}

    def look(self) -> None:
        """Look at every job that has not ended."""
        active = {job.job_id: job for job in self._services.jobs.list().jobs if not job.finished}
        self._asked = {name: since for name, since in self._asked.items() if name in active}
        self._heard = {name: heard for name, heard in self._heard.items() if name in active}
        for job in active.values():
            if job.runner_id is None or job.runner_id == NEAR:
                self._listen(job)
            else:
                self._check(job, job.runner_id)
        self._discard_uploads()
        self._count()

    def _count(self) -> None:
        metrics, counts = self._services.metrics, self._services.jobs.counts()
        for state, count in counts.items():
            metrics.set("pmoves_jobs", count.jobs, state)
        skipped = sum(count.skipped for count in counts.values())
        quarantined = sum(count.quarantined for count in counts.values())
        ready = sum(count.done for count in counts.values()) - skipped - quarantined
        for outcome, number in (
            ("ready", ready),
            ("skipped", skipped),
            ("quarantined", quarantined),
        ):
            metrics.set("pmoves_job_documents", number, outcome)

    def _check(self, job: Job, runner_id: str) -> None:
        if job.stop_requested:
            asked = self._asked.setdefault(job.job_id, time.monotonic())
            if time.monotonic() - asked >= self._grace_s:
                self._services.launcher.stop(runner_id)
        reason = self._services.launcher.failure(runner_id)
        current = self._services.jobs.get(job.job_id)
        if reason is None or current is None or current.finished:
            return
        if job.stop_requested:
            self._services.jobs.finish(job.job_id, "stopped")
        else:
            self._services.jobs.finish(job.job_id, "failed", reason)

    def _listen(self, job: Job) -> None:
        """Take a job as lost of which nothing is heard; clocks of other machines do not matter."""
        moment, since = self._heard.get(job.job_id, (None, 0.0))
        left = self._services.launcher.left(job.job_id)
        now, limit_s = time.monotonic(), self._left_s if left else self._silence_s
        if moment != job.updated_at:
            self._heard[job.job_id] = (job.updated_at, now)
        elif now - since >= limit_s:
            del self._heard[job.job_id]
            self._lost(job)

    def _lost(self, job: Job) -> None:
        jobs = self._services.jobs
        if job.stop_requested:
            jobs.finish(job.job_id, "stopped")
        elif job.runner_id is None and job.state == "running":
            jobs.finish(job.job_id, "failed", _GONE)
        else:
            _log.warning("the process that ran the job %s is gone; it runs once more", job.job_id)
            # Where another replica was faster, the job is no longer in that state.
            with contextlib.suppress(InvalidInputError):
                launch(self._services, jobs.requeue(job.job_id, job.state), small=False)

    def _discard_uploads(self) -> None:
        """Remove uploaded files of which every one is in the corpus; the others stay."""
        folder = uploads_folder(self._services, "")
        for upload in folder.iterdir() if folder.is_dir() else ():
            job = self._services.jobs.get(upload.name)
            if job and job.state == "succeeded" and not job.quarantined:
                shutil.rmtree(upload, ignore_errors=True)
