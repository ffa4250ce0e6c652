"""`pmoves jobs`."""

from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.options import AsJson, Cursor, Limit, Namespace, Url, access, settings
from cluster.cli.output import print_json, print_table, remark, say

if TYPE_CHECKING:
    from serve_apps.wire import JobView

jobs_app = typer.Typer(no_args_is_help=True, help="Ingest jobs and their progress.")

JobId = Annotated[str, typer.Argument(metavar="JOB_ID", help="The job's id.")]


@jobs_app.command("list")
def list_jobs(
    namespace: Namespace = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """List jobs, newest first."""
    with access(settings(), url) as corpus:
        page = corpus.jobs(namespace, limit, cursor)
    if as_json:
        print_json(page)
        return
    print_table(
        ("JOB_ID", "NAMESPACE", "STATE", "DONE", "TOTAL", "QUARANTINED", "SKIPPED"),
        [
            (j.job_id, j.namespace, j.state, j.done, j.total, j.quarantined, j.skipped)
            for j in page.jobs
        ],
    )
    if page.next_cursor:
        remark(f"more with --cursor {page.next_cursor}")


@jobs_app.command("show")
def show_job(job_id: JobId, as_json: AsJson = False, url: Url = None) -> None:
    """Show one job: how far it is, how fast, and what failed."""
    with access(settings(), url) as corpus:
        job = corpus.job(job_id)
    _print_job(job, as_json)


@jobs_app.command("stop")
def stop_job(job_id: JobId, as_json: AsJson = False, url: Url = None) -> None:
    """Ask a job to stop; what it has stored stays."""
    with access(settings(), url) as corpus:
        job = corpus.stop_job(job_id)
    _print_job(job, as_json)


@jobs_app.command("pause")
def pause_job(job_id: JobId, as_json: AsJson = False, url: Url = None) -> None:
    """Let a job take up no more documents until it is resumed."""
    with access(settings(), url) as corpus:
        job = corpus.pause_job(job_id)
    _print_job(job, as_json)


@jobs_app.command("resume")
def resume_job(job_id: JobId, as_json: AsJson = False, url: Url = None) -> None:
    """Let a paused job go on, or run one that was stopped or has failed once more."""
    with access(settings(), url) as corpus:
        job = corpus.resume_job(job_id)
    _print_job(job, as_json)


def _print_job(job: "JobView", as_json: bool) -> None:
    if as_json:
        print_json(job)
        return
    for name, value in job.model_dump(mode="json").items():
        if value not in (None, [], {}):
            say(f"{name + ':':<14}{value}")
