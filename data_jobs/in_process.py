"""The same stages in this process, for jobs that end before Ray's workers have started.

What takes processor time happens elsewhere: parsing in child processes, and embedding,
where it is the mesh's, in its embedder.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing

import pyarrow as pa

from data_jobs.errors import JobError
from data_jobs.monitor import LocalMonitor, Monitor
from data_jobs.plan import Plan
from data_jobs.sandbox.sandbox import Sandbox
from data_jobs.stages.chunking import ChunkStage
from data_jobs.stages.committing import CommitStage
from data_jobs.stages.embedding import EmbedStage
from data_jobs.stages.fetching import FetchStage
from data_jobs.stages.listing import ListStage
from data_jobs.stages.outcomes import DocumentOutcome, outcomes
from data_jobs.stages.parsing import ParseStage
from data_jobs.stages.reading import ReadStage
from data_jobs.stages.together import ahead
from data_jobs.stages.transcribing import TranscribeStage
from data_jobs.stages.videos import VideoStage
from retrieval.errors import PmovesError

Step = Callable[[pa.Table], Iterator[pa.Table]]
_SEED = pa.table({"start": [0]})


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
            for table in _tables(plan, monitor, sandboxes, stack):
                yield from outcomes(table)
        except BaseException as error:
            # What is being read now is waited for, and nobody wants it any more.
            monitor.stop()
            if isinstance(error, Exception) and not isinstance(error, PmovesError):
                raise JobError(f"the pipeline failed: {type(error).__name__}: {error}") from error
            raise


def _tables(
    plan: Plan, monitor: Monitor, sandboxes: Sequence[Sandbox], stack: ExitStack
) -> Iterator[pa.Table]:
    settings, load = plan.settings, plan.load_embedder
    reading = _chained(_listed(plan, monitor), _readers(plan, monitor, sandboxes, stack))
    transcribe = stack.enter_context(closing(TranscribeStage(settings, monitor)))
    cut = _chained(_ahead(reading, stack), [transcribe, ChunkStage(settings, monitor)])
    last: list[Step] = [EmbedStage(settings, monitor, load), CommitStage(settings, monitor)]
    return _chained(_ahead(cut, stack), last)


def _listed(plan: Plan, monitor: Monitor) -> Iterator[pa.Table]:
    most = plan.settings.ingest.bundle_documents
    stage = ListStage(plan.request, plan.again, plan.bounds(), most, monitor, plan.settings)
    return stage(_SEED)


def _readers(
    plan: Plan, monitor: Monitor, sandboxes: Sequence[Sandbox], stack: ExitStack
) -> list[Step]:
    """Return the stages up to the text of documents; `stack` closes them."""
    settings, request, retry = plan.settings, plan.request, plan.request.retry_quarantined
    parse = ParseStage(settings.ingest, monitor, s3=settings.s3, sandboxes=sandboxes)
    stack.callback(parse.close)
    steps: list[Step] = [ReadStage(settings, retry, monitor), parse]
    if plan.from_the_web:
        videos = VideoStage(settings, retry, plan.spool, request.yt_options, monitor)
        stack.callback(videos.close)
        steps = [videos, FetchStage(settings, retry, plan.spool, monitor), *steps]
    return steps


def _chained(tables: Iterator[pa.Table], steps: Iterable[Step]) -> Iterator[pa.Table]:
    """Have every table go through all steps, each before the next one is asked for."""
    for step in steps:
        tables = _through(tables, step)
    return tables


def _through(tables: Iterator[pa.Table], step: Step) -> Iterator[pa.Table]:
    for table in tables:
        yield from step(table)


def _ahead(tables: Iterator[pa.Table], stack: ExitStack) -> Iterator[pa.Table]:
    """Have a thread make `tables`; it has ended once `stack` is left."""
    made = ahead(tables)
    stack.callback(made.close)
    return made
