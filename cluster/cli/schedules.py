"""`pmoves schedules`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.ingest import Exclude, Include, Retry
from cluster.cli.options import AsJson, Cursor, Limit, Namespace, Url, access, settings
from cluster.cli.output import print_json, print_table, remark, say

if TYPE_CHECKING:
    from serve_apps.wire_schedules import ScheduleView

schedules_app = typer.Typer(
    no_args_is_help=True, help="Ingests that a running mesh repeats by itself."
)

ScheduleId = Annotated[str, typer.Argument(metavar="SCHEDULE_ID", help="The schedule's id.")]
Cron = Annotated[
    str, typer.Argument(metavar="CRON", help="Five fields in quotes, such as '30 3 * * *'.")
]
Sources = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE", help="Files and folders of the mesh's machine, or URIs."),
]
Zone = Annotated[str, typer.Option(help="The clocks that CRON means, such as Europe/Berlin.")]


@schedules_app.command("list")
def list_schedules(
    namespace: Namespace = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """List schedules, oldest first."""
    with access(settings(), url) as corpus:
        page = corpus.schedules(namespace, limit, cursor)
    if as_json:
        print_json(page)
        return
    print_table(
        ("SCHEDULE_ID", "NAMESPACE", "SCHEDULE", "TIMEZONE", "NEXT", "LAST JOB"),
        [
            (s.schedule_id, s.namespace, s.schedule, s.timezone, s.next_at, s.last_job_id or "")
            for s in page.schedules
        ],
    )
    if page.next_cursor:
        remark(f"more with --cursor {page.next_cursor}")


@schedules_app.command("show")
def show_schedule(schedule_id: ScheduleId, as_json: AsJson = False, url: Url = None) -> None:
    """Show one schedule: its sources, its next run, the job of its last one."""
    with access(settings(), url) as corpus:
        schedule = corpus.schedule(schedule_id)
    _print(schedule, as_json)


@schedules_app.command("add")
def add_schedule(
    cron: Cron,
    sources: Sources,
    timezone: Zone = "UTC",
    namespace: Namespace = None,
    include: Include = None,
    exclude: Exclude = None,
    retry_quarantined: Retry = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Have the mesh ingest SOURCE at the moments of CRON, each time what is new or has changed."""
    from retrieval.jobs import JobRequest, SourceItem

    loaded = settings()
    request = JobRequest.model_construct(
        namespace=namespace or loaded.search.namespace,
        sources=[SourceItem(uri=_uri(source)) for source in sources],
        include=include or [],
        exclude=exclude or [],
        retry_quarantined=retry_quarantined,
    )
    with access(loaded, url) as corpus:
        schedule = corpus.add_schedule(request, cron, timezone)
    _print(schedule, as_json)


@schedules_app.command("remove")
def remove_schedule(schedule_id: ScheduleId, as_json: AsJson = False, url: Url = None) -> None:
    """Let a schedule have no further runs; what its jobs have stored stays."""
    with access(settings(), url) as corpus:
        schedule = corpus.delete_schedule(schedule_id)
    _print(schedule, as_json)


def _uri(source: str) -> str:
    return source if ":" in source else Path(source).absolute().as_uri()


def _print(schedule: "ScheduleView", as_json: bool) -> None:
    if as_json:
        print_json(schedule)
        return
    for name, value in schedule.model_dump(mode="json").items():
        if value is not None:
            say(f"{name + ':':<14}{value}")
