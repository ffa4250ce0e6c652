"""`pmoves ingest`."""

from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.group import FAILURE, SOME_QUARANTINED
from cluster.cli.options import AsJson, Namespace, Url, settings
from cluster.cli.output import err, print_json, remark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cluster.settings import Settings
    from retrieval.jobs import JobRequest
    from retrieval.video_options import VideoOptions
    from serve_apps.wire import JobView

Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE", help="Files, folders, patterns, s3: URIs, pages or videos."),
]
Include = Annotated[
    list[str] | None, typer.Option("--include", metavar="PATTERN", help="Take only such files.")
]
Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", metavar="PATTERN", help="Leave such files out.")
]
Retry = Annotated[
    bool,
    typer.Option("--retry-quarantined", help="Also take up what is quarantined already."),
]

Watch = Annotated[
    bool, typer.Option("--watch", help="Stay, and ingest what is new or has changed.")
]
Every = Annotated[float, typer.Option(min=1, help="Seconds between two looks of --watch.")]

YtOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--yt-option",
        metavar="NAME=VALUE",
        help="An option of yt-dlp: subtitleslangs, writeautomaticsub, format, playlistend or "
        "playlist_items.",
    ),
]


def ingest(
    sources: Sources = None,
    namespace: Namespace = None,
    include: Include = None,
    exclude: Exclude = None,
    retry_quarantined: Retry = False,
    yt_option: YtOptions = None,
    watch: Watch = False,
    every: Every = 30.0,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Read, cut, embed and store documents; exit 3 if some are quarantined."""
    from cluster.access.choose import joined_url
    from data_jobs.sources import check

    loaded = settings()
    names = namespace or loaded.search.namespace
    request = _request(names, sources or [], include or [], exclude or [], retry_quarantined)
    check(request.sources, matched=not watch)
    request.yt_options = _yt_options(yt_option or [])
    address = url or loaded.url or joined_url(loaded)
    if watch:
        _watch(loaded, address, request, as_json, every)
    else:
        run(loaded, address, request, as_json)


def _watch(
    loaded: "Settings", address: str | None, request: "JobRequest", as_json: bool, every: float
) -> None:
    from cluster.errors import UsageError
    from cluster.mesh.lifecycle import interruptible
    from data_jobs.backfill.watching import Watcher, keep_watching

    if address or not request.sources:
        raise UsageError(
            "--watch looks at files and objects from here; name some, and run it on the machine of "
            "the mesh, without --url."
        )

    def once() -> int:
        return _local(loaded, request, as_json)

    try:
        with interruptible():
            keep_watching(Watcher(request, loaded), once, remark, every)
    except KeyboardInterrupt as error:
        remark("stopped watching; what is stored stays")
        raise typer.Exit(FAILURE) from error


def run(loaded: "Settings", address: str | None, request: "JobRequest", as_json: bool) -> None:
    """Ingest here or at `address`; exits with the code that tells how it ended."""
    from cluster.mesh.lifecycle import interruptible

    try:
        with interruptible():
            code = _remote(loaded, address, request, as_json) if address else None
            code = _local(loaded, request, as_json) if code is None else code
    except KeyboardInterrupt as error:
        remark("stopped; what is stored stays, and the same command goes on from there")
        raise typer.Exit(FAILURE) from error
    if code:
        raise typer.Exit(code)


def _request(
    namespace: str, sources: list[str], include: list[str], exclude: list[str], retry: bool
) -> "JobRequest":
    from pydantic import ValidationError

    from cluster.errors import UsageError
    from data_jobs.sources import item_uri
    from retrieval.jobs import JobRequest, SourceItem

    if not sources and not retry:
        raise UsageError("name a file, a folder or a pattern, or give --retry-quarantined.")
    # Absolute, because Ray's workers stand in another folder.
    items = [SourceItem(uri=item_uri(source)) for source in sources]
    try:
        return JobRequest(
            namespace=namespace,
            sources=items,
            include=include,
            exclude=exclude,
            retry_quarantined=retry,
        )
    except ValidationError as error:
        raise UsageError(f"--namespace: {error.errors()[0]['msg']}") from error


def _yt_options(given: "Sequence[str]") -> "VideoOptions":
    from pydantic import ValidationError

    from cluster.errors import UsageError
    from retrieval.video_options import VideoOptions

    values: dict[str, object] = {}
    for each in given:
        name, _, value = each.partition("=")
        values[name] = value.split(",") if name == "subtitleslangs" else value
    try:
        return VideoOptions.model_validate(values)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise UsageError(f"--yt-option {place}: {error.errors()[0]['msg']}") from error


def _local(loaded: "Settings", request: "JobRequest", as_json: bool) -> int:
    from dataclasses import asdict

    from cluster.ingestion.local import ingest_here
    from data_jobs.ingest import exit_code
    from data_jobs.reporting import print_summary

    summary = ingest_here(loaded, request, err())
    if as_json:
        print_json(asdict(summary))
    else:
        print_summary(summary, err())
    return exit_code(summary)


def _remote(loaded: "Settings", url: str, request: "JobRequest", as_json: bool) -> int:
    from cluster.access.http import HttpAccess
    from cluster.ingestion.remote import ingest_remotely

    access = HttpAccess(url, loaded.api_key.get_secret_value(), timeout_s=600)
    try:
        result = ingest_remotely(access, request, _Teller())
    finally:
        access.close()
    for failure in result.unread:
        remark(f"{failure.uri}: {failure.error}")
    if as_json:
        print_json({"jobs": [job.model_dump(mode="json") for job in result.jobs]})
    return _remote_code(result.jobs, bool(result.unread))


class _Teller:
    """Prints a line whenever the jobs have come further."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, jobs: "Sequence[JobView]") -> None:
        """Say how far `jobs` are."""
        done, total = sum(job.done for job in jobs), sum(job.total or 0 for job in jobs)
        quarantined = sum(job.quarantined for job in jobs)
        states = ", ".join(sorted({job.state for job in jobs}))
        line = f"  {done} of {total} documents, {quarantined} quarantined; {states}"
        if line != self._last:
            remark(line)
        self._last = line


def _remote_code(jobs: "Sequence[JobView]", unread: bool) -> int:
    for job in jobs:
        if job.state != "succeeded":
            remark(f"job {job.job_id} {job.state}: {job.error or 'no reason given'}")
    if unread or any(job.state != "succeeded" for job in jobs):
        return FAILURE
    if any(job.quarantined for job in jobs):
        remark("`pmoves documents list --status quarantined` shows them")
        return SOME_QUARANTINED
    return 0
