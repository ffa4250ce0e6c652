"""The same stages in this process, for jobs that end before Ray's workers have started.

What takes processor time happens elsewhere: parsing in child processes, and embedding,
where it is the mesh's, in its embedder.
"""

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing

import pyarrow as pa

from data_jobs.errors import JobError
from data_jobs.monitor import LocalMonitor, Monitor
from data_jobs.plan import Plan
from data_jobs.sandbox.sandbox import Sandbox
from data_jobs.stages.ahead import ahead
from data_jobs.stages.chunking import ChunkStage
from data_jobs.stages.committing import CommitStage
from data_jobs.stages.embedding import EmbedStage
from data_jobs.stages.fetching import FetchStage
from data_jobs.stages.listing import ListStage
from data_jobs.stages.outcomes import DocumentOutcome, outcome_of
from data_jobs.stages.parsing import ParseStage
from data_jobs.stages.reading import ReadStage
from data_jobs.stages.stage import Stage
from data_jobs.stages.transcribing import TranscribeStage
from data_jobs.stages.videos import VideoStage
from data_jobs.stages.work import Carried, Work, unpack
from retrieval.errors import PmovesError

_SEED = pa.table({"start": [0]})
# Characters of text that wait between two stages.
_WAITING = 4 * 2**20
# A commit costs as much as a few hundred passages, so that small ones are dear.
_COMMIT_PASSAGES = 4_096
_COMMIT_SECONDS = 2.0


class InProcess:
    """Runs one job in threads of this process; `sandboxes` are those of who runs many."""

    def __init__(self, sandboxes: Sequence[Sandbox] = ()) -> None:
        self.monitor = LocalMonitor()
        self._sandboxes = sandboxes

    def run(self, plan: Plan) -> Iterator[DocumentOutcome]:
        """Yield outcomes; see `run_in_process`."""
        return run_in_process(plan, self.monitor, self._sandboxes)

    def close(self) -> None:
        """Nothing outlives a run."""


def run_in_process(
    plan: Plan, monitor: LocalMonitor, sandboxes: Sequence[Sandbox] = ()
) -> Generator[DocumentOutcome]:
    """Yield the outcome of every document as soon as it is committed.

    Reading, cutting, and embedding go on at the same time, and wait for one another.
    Closing the iterator ends the run. Raises as `data_jobs.pipeline.run_pipeline` does.
    """
    with ExitStack() as stack:
        try:
            commit = CommitStage(plan.settings, monitor)
            for works in _gathered(_embedded(plan, monitor, sandboxes, stack), plan):
                yield from map(outcome_of, commit.finish(works))
        except BaseException as error:
            # What is being read now is waited for, and nobody wants it any more.
            monitor.stop()
            if isinstance(error, Exception) and not isinstance(error, PmovesError):
                raise JobError(f"the pipeline failed: {type(error).__name__}: {error}") from error
            raise


def _embedded(
    plan: Plan, monitor: LocalMonitor, sandboxes: Sequence[Sandbox], stack: ExitStack
) -> Iterator[Carried | None]:
    """Yield documents with their vectors, and None where a moment has passed."""
    settings = plan.settings
    listed = (unpack(table) for table in _listed(plan, monitor))
    read = _through(listed, _readers(plan, monitor, sandboxes, stack))
    transcribe = stack.enter_context(closing(TranscribeStage(settings, monitor)))
    cut = _through(_ahead(read, monitor, stack), [transcribe, ChunkStage(settings, monitor)])
    embed = EmbedStage(settings, monitor, plan.load_embedder)
    for documents in _ahead(cut, monitor, stack):
        yield from embed.documents(documents)
        yield None


def _gathered(documents: Iterable[Carried | None], plan: Plan) -> Iterator[list[Work]]:
    """Gather what is committed together: many passages, or what came in two seconds."""
    most = plan.settings.ingest.bundle_documents
    waiting: list[Work] = []
    passages, since = 0, 0.0
    for document in documents:
        if document is not None:
            since = since if waiting else time.monotonic()
            waiting.append(document.work())
            passages += len(waiting[-1].chunks)
        late = time.monotonic() - since > _COMMIT_SECONDS
        if waiting and (late or passages >= _COMMIT_PASSAGES or len(waiting) >= most):
            yield waiting
            waiting, passages = [], 0
    if waiting:
        yield waiting


def _listed(plan: Plan, monitor: Monitor) -> Iterator[pa.Table]:
    most = plan.settings.ingest.bundle_documents
    stage = ListStage(plan.request, plan.again, plan.bounds(), most, monitor, plan.settings)
    return stage(_SEED)


def _readers(
    plan: Plan, monitor: Monitor, sandboxes: Sequence[Sandbox], stack: ExitStack
) -> list[Stage]:
    """Return the stages up to the text of documents; `stack` closes them."""
    settings, request, retry = plan.settings, plan.request, plan.request.retry_quarantined
    parse = ParseStage(
        settings.ingest,
        monitor,
        s3=settings.s3,
        sandboxes=sandboxes,
        at_once=settings.ingest.stages.slow_documents,
    )
    stack.callback(parse.close)
    stages: list[Stage] = [ReadStage(settings, retry, monitor), parse]
    if plan.from_the_web:
        videos = VideoStage(settings, retry, plan.spool, request.yt_options, monitor)
        stack.callback(videos.close)
        stages = [videos, FetchStage(settings, retry, plan.spool, monitor), *stages]
    return stages


def _through(groups: Iterable[Iterable[Carried]], stages: Sequence[Stage]) -> Iterator[Carried]:
    """Have documents that come together go through all stages, one after the other."""
    for documents in groups:
        for stage in stages:
            documents = stage.documents(documents)
        yield from documents


def _ahead(
    documents: Iterator[Carried], monitor: LocalMonitor, stack: ExitStack
) -> Iterator[list[Carried]]:
    """Have a thread make `documents`; it has ended once `stack` is left."""
    made = ahead(documents, lambda each: each.size, _WAITING, monitor.stop)
    stack.callback(made.close)
    return made
