"""Running one ingestion job on a Ray that is up already."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from data_jobs.pipeline import Plan, run_pipeline
from data_jobs.progress import Progress, Summary
from data_jobs.retrying import quarantined_items
from data_jobs.settings import JobSettings
from data_jobs.shared_monitor import SharedMonitor
from data_jobs.stages.embedding import LoadEmbedder
from data_jobs.watch import JobWatch, OnProgress
from retrieval.corpus.store import Corpus
from retrieval.embedding.model import embedding_identity
from retrieval.embedding.sentence_transformer import SentenceTransformerEmbedder
from retrieval.jobs import JobRequest, JobState, JobStore, SourceItem


def run_ingest(
    request: JobRequest,
    settings: JobSettings,
    on_progress: OnProgress | None = None,
    job_id: str | None = None,
    *,
    confined: bool = False,
    load_embedder: LoadEmbedder = SentenceTransformerEmbedder,
) -> Summary:
    """Ingest what `request` names, and return what came of it.

    Ray must be initialised. `job_id` names a job of the store, or one to create
    there. `on_progress` is called twice a second from another thread. With
    `confined`, only uploads and files below `settings.ingest.roots` are read.
    Raises a `PmovesError` when the job itself fails; documents never make it fail.
    """
    with closing(JobStore(settings.state_url)) as jobs:
        job = (jobs.get(job_id) if job_id else None) or jobs.create(request, job_id)
        jobs.start(job.job_id)
        run = _Run(job.job_id, request, settings, jobs, on_progress, confined, load_embedder)
        try:
            summary = run.run()
        except BaseException as error:
            state: JobState = "failed" if isinstance(error, Exception) else "stopped"
            jobs.finish(job.job_id, state, str(error) or type(error).__name__)
            raise
        jobs.finish(job.job_id, summary.state)
        return summary


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of one job."""

    job_id: str
    request: JobRequest
    settings: JobSettings
    jobs: JobStore
    on_progress: OnProgress | None
    confined: bool
    load_embedder: LoadEmbedder

    def run(self) -> Summary:
        """Run the pipeline to its end and fold what is new into the indexes."""
        identity = embedding_identity(self.settings.embedding)
        corpus = Corpus.open(self.settings.corpus_uri, identity)
        roots = self.settings.ingest.roots if self.confined else None
        plan = Plan(
            self.request, self.settings, self.load_embedder, self._again(corpus, roots), roots
        )
        monitor = SharedMonitor()
        try:
            with JobWatch(self.job_id, self.jobs, monitor, self.on_progress) as watch:
                for document in run_pipeline(plan, monitor):
                    watch.add(document)
                if watch.counts.outcomes["ready"]:
                    watch.doing("folding new passages into the indexes")
                    corpus.optimize()
                    watch.doing("")
        finally:
            monitor.close()
        return self._summary(watch, watch.progress(), corpus.version)

    def _again(self, corpus: Corpus, roots: Sequence[Path] | None) -> list[SourceItem]:
        if not self.request.retry_quarantined:
            return []
        return quarantined_items(corpus, self.jobs, self.request.namespace, roots)

    def _summary(self, watch: JobWatch, progress: Progress, version: int) -> Summary:
        counts = watch.counts
        return Summary(
            job_id=self.job_id,
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
            reasons=sorted(counts.reasons.values(), key=lambda reason: -reason.count),
        )
