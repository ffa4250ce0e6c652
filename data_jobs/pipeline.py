"""The streaming pipeline: list, read, parse, transcribe, chunk, embed, commit.

Each stage runs where Ray puts it.
"""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset, TaskPoolStrategy

from data_jobs.errors import JobError
from data_jobs.monitor import LocalMonitor, Monitor
from data_jobs.plan import Plan
from data_jobs.settings import JobSettings
from data_jobs.shared_monitor import SharedMonitor
from data_jobs.stages.chunking import ChunkStage
from data_jobs.stages.committing import CommitStage
from data_jobs.stages.embedding import EmbedStage
from data_jobs.stages.fetching import FetchStage
from data_jobs.stages.listing import ListStage
from data_jobs.stages.outcomes import DocumentOutcome, outcomes
from data_jobs.stages.parsing import ParseStage
from data_jobs.stages.reading import ReadStage
from data_jobs.stages.transcribing import TranscribeStage
from data_jobs.stages.videos import VideoStage
from retrieval.errors import PmovesError

# Bundles that a worker of the speech lane holds: one is listened to, the others pass by.
_HEARD_AT_ONCE = 16
_VIDEOS_AT_ONCE = 8
_ADVICE_ON_RETRIES = "\nFailed to apply UDF transform after "


class OnRay:
    """Runs one job with Ray Data, each stage in workers of its own."""

    def __init__(self) -> None:
        self.monitor = SharedMonitor()

    def run(self, plan: Plan) -> Iterator[DocumentOutcome]:
        """Yield outcomes; see `run_pipeline`."""
        return run_pipeline(plan, self.monitor)

    def close(self) -> None:
        """End the monitor."""
        self.monitor.close()


def run_pipeline(plan: Plan, monitor: Monitor) -> Iterator[DocumentOutcome]:
    """Yield the outcome of every document as soon as it is committed.

    Nothing is held back: each stage waits while the next one is behind, so memory
    stays the same for any number of files. Closing the iterator ends the run.
    Raises the `PmovesError` of the stage that failed, else `JobError`.
    """
    with _quiet_context():
        rows = dataset(plan, monitor).iter_batches(
            batch_size=None, batch_format="pyarrow", prefetch_batches=0
        )
        try:
            for table in rows:
                yield from outcomes(table)
        except Exception as error:
            raise error_behind(error) from error


def dataset(plan: Plan, monitor: Monitor) -> Dataset:
    """Return the pipeline as a dataset that yields outcomes when it is read."""
    settings, ingest = plan.settings, plan.settings.ingest
    stages = ingest.stages
    shared = {"settings": settings, "monitor": monitor}
    read = _mapped(
        _fetched(_listed(plan, monitor), plan, shared),
        ReadStage,
        stages.read_workers,
        shared | {"retry": plan.request.retry_quarantined},
        settings.placed("read"),
        num_cpus=stages.read_cpus,
    )
    parsed = _mapped(
        read,
        ParseStage,
        stages.parse_workers or _half_of_the_cores(),
        {"settings": ingest, "monitor": monitor, "s3": settings.s3},
        settings.placed("parse"),
        num_cpus=stages.parse_cpus,
    )
    heard = _heard(parsed, plan, shared)
    chunked = _mapped(
        heard,
        ChunkStage,
        stages.chunk_workers,
        shared,
        settings.placed("chunk"),
        num_cpus=stages.chunk_cpus,
    )
    embedded = _embedded(chunked, shared | {"load_embedder": plan.load_embedder}, settings)
    place = settings.placed("commit")
    return _mapped(embedded, CommitStage, 1, shared, place, num_cpus=stages.commit_cpus)


def _listed(plan: Plan, monitor: Monitor) -> Dataset:
    """Return the files of all sources, a bundle a row, listed by one task."""
    most = plan.settings.ingest.bundle_documents
    listing = ListStage(plan.request, plan.again, plan.bounds(), most, monitor, plan.settings)
    list_task: Any = list_files
    return ray.data.from_items([{"start": 0}]).map_batches(
        list_task,
        fn_args=(listing,),
        batch_size=None,
        batch_format="pyarrow",
        num_cpus=plan.settings.ingest.stages.list_cpus,
        compute=TaskPoolStrategy(1),
        **plan.settings.placed("list"),
    )


def _fetched(before: Dataset, plan: Plan, shared: dict[str, Any]) -> Dataset:
    """Append the stage that fetches pages, where the job has any."""
    if not plan.from_the_web:
        return before
    arguments = {"retry": plan.request.retry_quarantined, "folder": plan.spool}
    place = plan.settings.placed("read")
    before = _mapped(
        before,
        VideoStage,
        1,
        shared | arguments | {"options": plan.request.yt_options},
        place,
        num_cpus=plan.settings.video.cpus,
        at_once=_VIDEOS_AT_ONCE,
    )
    cpus = plan.settings.ingest.stages.fetch_cpus
    return _mapped(before, FetchStage, 1, shared | arguments, place, num_cpus=cpus)


def _heard(before: Dataset, plan: Plan, shared: dict[str, Any]) -> Dataset:
    """Append the stage that listens, where recordings can be read or videos may come."""
    if not find_spec("av") and not plan.from_the_web:
        return before
    speech = plan.settings.speech
    return _mapped(
        before,
        TranscribeStage,
        speech.workers,
        shared,
        plan.settings.placed("transcribe"),
        num_cpus=speech.cpus,
        num_gpus=speech.gpus,
        at_once=_HEARD_AT_ONCE,
    )


def embed_alone(bundles: Sequence[pa.Table], settings: JobSettings) -> Iterator[pa.Table]:
    """Yield `bundles` of chunked documents with their vectors: that one stage, as in a job."""
    arguments: dict[str, Any] = {"settings": settings, "monitor": LocalMonitor()}
    with _quiet_context():
        before = ray.data.from_arrow(list(bundles))
        yield from _embedded(before, arguments, settings).iter_batches(
            batch_size=None, batch_format="pyarrow", prefetch_batches=0
        )


def list_files(seed: pa.Table, stage: ListStage) -> Iterator[pa.Table]:
    """Run the first stage, as a task."""
    return stage(seed)


def _embedded(before: Dataset, arguments: dict[str, Any], settings: JobSettings) -> Dataset:
    stages = settings.ingest.stages
    return _mapped(
        before,
        EmbedStage,
        stages.embed_workers,
        arguments,
        settings.placed("embed"),
        num_cpus=stages.embed_cpus,
        num_gpus=stages.embed_gpus,
    )


def _mapped(
    before: Dataset,
    stage: type,
    workers: int,
    arguments: dict[str, Any],
    place: dict[str, Any],
    *,
    num_cpus: float,
    num_gpus: float = 0,
    at_once: int = 1,
) -> Dataset:
    """Append a stage that runs in `workers` actors, each with a share of its own.

    `place` is where these may run, and what they reserve. An actor takes up to `at_once`
    bundles at the same time, in threads.
    """
    threads: dict[str, Any] = {"max_concurrent_calls_per_actor": at_once} if at_once > 1 else {}
    actors = ActorPoolStrategy(size=workers, enable_true_multi_threading=bool(threads), **threads)
    return before.map_batches(
        stage,
        fn_constructor_kwargs=arguments,
        batch_size=None,
        batch_format="pyarrow",
        compute=actors,
        num_cpus=num_cpus,
        num_gpus=num_gpus,
        zero_copy_batch=True,
        **place,
    )


def _half_of_the_cores() -> int:
    resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return max(1, int(resources.get("CPU", 1)) // 2)


@contextmanager
def _quiet_context() -> Iterator[None]:
    """Run Ray Data without its own progress bars and messages, one row a block."""
    with warnings.catch_warnings():
        # Copying sets every field again, deprecated ones too.
        warnings.simplefilter("ignore", DeprecationWarning)
        context = DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # A row is a bundle of documents already; Ray is neither to join nor to part them.
    context.target_max_block_size = 1
    context.memory_usage_poll_interval_s = None
    context.raise_original_map_exception = True
    logger = logging.getLogger("ray.data")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with DataContext.current(context):
            yield
    finally:
        logger.setLevel(level)


def error_behind(error: BaseException) -> PmovesError:
    """Return the error of ours behind one of Ray's, whose text is a whole traceback."""
    found: BaseException | None = error
    last = error
    while found is not None:
        last = found
        inner = getattr(found, "cause", None)
        if not isinstance(inner, BaseException):
            if isinstance(found, PmovesError):
                found.args = (_without_advice(found), *found.args[1:])
                return found
            inner = found.__cause__
        found = inner
    lines = _without_advice(last).strip().splitlines()
    return JobError(f"the pipeline failed: {type(last).__name__}: {lines[-1] if lines else ''}")


def _without_advice(error: BaseException) -> str:
    """Return the text of `error` less what Ray Data says of its own retries behind it."""
    return str(error).partition(_ADVICE_ON_RETRIES)[0]
