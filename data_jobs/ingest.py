"""`python -m data_jobs.ingest SOURCE…`: ingest files, folders and patterns.

Joins the Ray that `RAY_ADDRESS` or the surrounding Ray job names, else starts one of
its own. Exit codes: 0 every document is ready or unchanged, 3 some are quarantined,
1 the job failed or was stopped, 2 the call was wrong.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from pydantic import ValidationError
from rich.console import Console

from data_jobs.progress import Progress, Summary
from data_jobs.reporting import print_summary, reporter
from data_jobs.settings import JobSettings
from data_jobs.sources import check
from data_jobs.video.identity import full_url
from retrieval.errors import PmovesError
from retrieval.job_request import JobRequest, SourceItem
from retrieval.jobs import JobStore

if TYPE_CHECKING:
    from data_jobs.running import Runner
    from data_jobs.stages.embedding import LoadEmbedder

FAILED, USAGE, QUARANTINED = 1, 2, 3


def run_ingest(
    request: JobRequest,
    settings: JobSettings,
    on_progress: Callable[[Progress], None] | None = None,
    job_id: str | None = None,
    *,
    confined: bool = False,
    load_embedder: "LoadEmbedder | None" = None,
    start: "Callable[[], Runner] | None" = None,
) -> Summary:
    """Ingest what `request` names, and return what came of it.

    `start` makes what runs it; without it Ray does, which must be initialised. `job_id`
    names a job of the store, or one to create there. `on_progress` is called twice a
    second from another thread. With `confined`, only uploads and files below
    `settings.ingest.roots` are read. `load_embedder` replaces the configured model. Raises
    a `PmovesError` when the job itself fails; documents never make it fail.
    """
    # What a job needs takes seconds to import.
    from data_jobs.job import Job
    from data_jobs.running import on_ray

    job = Job(request, settings, on_progress, confined, load_embedder, start or on_ray)
    return job.run(job_id)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    # A descriptor of its own, which goes on while Ray's start is kept from standard error.
    with os.fdopen(os.dup(2), "w") as errors:
        return _main(arguments, Console(file=errors, soft_wrap=True))


def _main(arguments: Sequence[str] | None, console: Console) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        settings = JobSettings()
        request, confined = _request(options, settings)
    except (ValidationError, PmovesError) as error:
        parser.error(told(error))
    return ingest_with_report(
        request, settings, options.job_id, options.json, console, confined=confined
    )


def ingest_with_report(
    request: JobRequest,
    settings: JobSettings,
    job_id: str | None,
    as_json: bool,
    console: Console,
    *,
    confined: bool = False,
) -> int:
    """Run a job, tell `console` about it, and return the exit code of the process."""
    try:
        summary = _ingest(request, settings, job_id, confined, console)
    except KeyboardInterrupt:
        console.print("stopped")
        return FAILED
    except PmovesError as error:
        console.print(f"the job failed: {error}", markup=False)
        return FAILED
    if as_json:
        print(json.dumps(asdict(summary)))
    print_summary(summary, console)
    return exit_code(summary)


def exit_code(summary: Summary) -> int:
    """Return how a process that ran this job ends."""
    if summary.state != "succeeded":
        return FAILED
    return QUARANTINED if summary.quarantined else 0


def _ingest(
    request: JobRequest,
    settings: JobSettings,
    job_id: str | None,
    confined: bool,
    console: Console,
) -> Summary:
    with reporter(console) as report:
        report.doing("starting Ray")
        from data_jobs.session import ray_session

        with ray_session():
            # Ray has put its own in place, which ends the process at once.
            signal.signal(signal.SIGTERM, _interrupt)
            report.doing("starting the workers")
            return run_ingest(request, settings, report, job_id, confined=confined)


def _request(options: argparse.Namespace, settings: JobSettings) -> tuple[JobRequest, bool]:
    """Return what to ingest, and whether somebody else asked for it, over HTTP."""
    if options.job_id and not options.sources:
        with closing(JobStore(settings.state_url)) as jobs:
            job = jobs.get(options.job_id)
        if job is None:
            raise PmovesError(f"there is no job {options.job_id!r}; name sources to create it")
        return job.request, True
    if not options.sources and not options.retry_quarantined:
        raise PmovesError("name a file, a folder or a pattern, or give --retry-quarantined")
    items = [SourceItem(uri=full_url(source)) for source in options.sources]
    check(items, matched=True)
    request = JobRequest(
        namespace=options.namespace or settings.search.namespace,
        sources=items,
        recursive=options.recursive,
        include=options.include,
        exclude=options.exclude,
        retry_quarantined=options.retry_quarantined,
    )
    return request, False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m data_jobs.ingest",
        description="Ingest files, folders, patterns and pages on the web into the corpus.",
        epilog="exit codes: 0 all ready or unchanged, 3 some quarantined, 1 failed, 2 wrong usage",
    )
    add = parser.add_argument
    add("sources", nargs="*", metavar="SOURCE", help="file, folder, pattern, URI, page, video")
    add("--namespace", help="namespace of the documents")
    add("--job-id", help="run this job of the store, or give the new one this id")
    add("--include", action="append", default=[], metavar="PATTERN", help="take only such files")
    add("--exclude", action="append", default=[], metavar="PATTERN", help="leave such files out")
    add("--no-recursive", dest="recursive", action="store_false", help="stay in the folder itself")
    add(
        "--retry-quarantined",
        action="store_true",
        help="take up what is quarantined in the namespace",
    )
    add("--json", action="store_true", help="print the outcome as JSON on standard output")
    return parser


def told(error: Exception) -> str:
    """Return what was wrong with settings or a request, in one line."""
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        )
    return str(error)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
