"""Running one ingestion job, on a Ray that is up already or in this process."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

from data_jobs.backfill.mirror import Seen, mirror
from data_jobs.objects.store import ObjectStore
from data_jobs.plan import Plan
from data_jobs.progress import Summary
from data_jobs.retrying import quarantined_items
from data_jobs.running import Runner, on_ray
from data_jobs.settings import JobSettings
from data_jobs.stages.embedding import LoadEmbedder
from data_jobs.watch import JobWatch, OnProgress
from data_jobs.web.spool import discard_old
from retrieval.corpus.store import Corpus
from retrieval.embedding.model import embedding_identity
from retrieval.embedding.opening import load_embedder
from retrieval.errors import InvalidInputError
from retrieval.job_request import JobRequest
from retrieval.jobs import JobStore


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a job; see `data_jobs.ingest.run_ingest` for what the fields mean.

    `start` makes what runs its stages.
    """

    request: JobRequest
    settings: JobSettings
    on_progress: OnProgress | None = None
    confined: bool = False
    load_embedder: LoadEmbedder | None = None
    start: Callable[[], Runner] = on_ray

    def run(self, job_id: str | None = None) -> Summary:
        """Run to the end, and keep the job's row in the store true."""
        _check_metadata(self.request)
        with closing(JobStore(self.settings.state_url)) as jobs:
            known = jobs.get(job_id) if job_id else None
            row = jobs.start((known or jobs.create(self.request, job_id)).job_id)
            try:
                summary = self._run(row.job_id, jobs)
            except Exception as error:
                jobs.finish(row.job_id, "failed", str(error) or type(error).__name__)
                raise
            except BaseException:
                jobs.finish(row.job_id, "stopped", "the process that ran the job was ended")
                raise
            jobs.finish(row.job_id, summary.state, index_version=summary.index_version)
            return summary

    def _run(self, job_id: str, jobs: JobStore) -> Summary:
        """Run the pipeline, then fold what is new into the indexes."""
        identity = embedding_identity(self.settings.embedding)
        corpus = Corpus.open(self.settings.corpus_uri, identity)
        plan = self._plan(job_id, corpus, jobs)
        runner = self.start()
        try:
            with JobWatch(job_id, jobs, runner.monitor, self.on_progress) as watch:
                seen = Seen()
                for document in runner.run(plan):
                    watch.add(document)
                    if self.request.mirror:
                        seen.add(document)
                if watch.counts.outcomes["ready"]:
                    watch.doing("folding new passages into the indexes")
                    corpus.optimize()
                    watch.doing("")
                if self.request.mirror and not watch.stopped:
                    watch.doing("deleting what is gone")
                    store = ObjectStore(self.settings.s3)
                    watch.deleted = mirror(corpus, self.request, self.request.mirror, seen, store)
                    watch.doing("")
        finally:
            runner.close()
            shutil.rmtree(plan.spool, ignore_errors=True)
        return self._summary(job_id, watch, corpus.version)

    def _plan(self, job_id: str, corpus: Corpus, jobs: JobStore) -> Plan:
        load = self.load_embedder or load_embedder
        discard_old(self.settings.spool_dir)
        spool = self.settings.spool_dir / job_id
        plan = Plan(self.request, self.settings, load, confined=self.confined, spool=spool)
        if not self.request.retry_quarantined:
            return plan
        again = quarantined_items(corpus, jobs, self.request, plan.bounds())
        return replace(plan, again=again)

    def _summary(self, job_id: str, watch: JobWatch, version: int) -> Summary:
        counts, progress = watch.counts, watch.progress()
        return Summary(
            job_id=job_id,
            namespace=self.request.namespace,
            state="stopped" if watch.stopped else "succeeded",
            total=progress.total if progress.total is not None else progress.done,
            ready=progress.ready,
            quarantined=progress.quarantined,
            skipped=progress.skipped,
            chunks=counts.chunks,
            needs_ocr=counts.needs_ocr,
            seconds=progress.seconds,
            index_version=version,
            deleted=watch.deleted,
            left=counts.outcomes["stopped"],
            reasons=sorted(counts.reasons.values(), key=lambda reason: -reason.count),
        )


def _check_metadata(request: JobRequest) -> None:
    """Raise `InvalidInputError` for metadata that cannot be stored."""
    for name, given in [("metadata", request.metadata)] + [
        (f"metadata of {item.uri}", item.metadata) for item in request.sources
    ]:
        try:
            json.dumps(given, allow_nan=False, ensure_ascii=False).encode()
        except (ValueError, TypeError) as error:
            raise InvalidInputError(f"{name}: cannot be stored as JSON: {error}") from error
