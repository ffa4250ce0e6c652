"""Ingestion by a mesh somewhere else: files are uploaded, and their jobs watched."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cluster.access.http import HttpAccess
from cluster.errors import UsageError
from data_jobs.patterns import PathFilter
from data_jobs.sources import Selection, SourceFailure, SourceFile, check, expand
from data_jobs.web.urls import is_web
from retrieval.ids import document_id
from retrieval.jobs import FINISHED, JobRequest
from retrieval.object_address import is_object_uri
from serve_apps.wire import JobView

_LOOK_EVERY_S = 0.5
_BATCH_FILES = 200
_BATCH_BYTES = 256 * 2**20

OnJobs = Callable[[Sequence[JobView]], None]


@dataclass(frozen=True, slots=True)
class Parcel:
    """Files of one upload; `doc_id` only where one file needs a name of its own."""

    files: list[Path]
    doc_id: str | None = None


@dataclass(slots=True)
class RemoteResult:
    """The jobs as they ended, and the sources that could not be read here."""

    jobs: list[JobView] = field(default_factory=list)
    unread: list[SourceFailure] = field(default_factory=list)


def ingest_remotely(access: HttpAccess, request: JobRequest, on_jobs: OnJobs) -> RemoteResult:
    """Upload the files behind `request`, hand its pages over, and wait for the jobs.

    Raises `SourceError` for a source that is not there, and `UsageError` for what
    an upload cannot express.
    """
    if request.retry_quarantined:
        raise UsageError("--retry-quarantined works without --url only: upload the files again.")
    if any(is_object_uri(item.uri) for item in request.sources):
        raise UsageError("s3: sources work without --url only, or over HTTP by POST /ingest.")
    check(request.sources)
    result = RemoteResult()
    pages = [item for item in request.sources if is_web(item.uri)]
    if pages:
        result.jobs.append(access.ingest(request.model_copy(update={"sources": pages})))
    local = [item for item in request.sources if not is_web(item.uri)]
    files = list(_files(request.model_copy(update={"sources": local}), result.unread))
    for parcel in parcels(files):
        result.jobs.append(access.upload(parcel.files, request.namespace, parcel.doc_id))
        on_jobs(result.jobs)
    _wait(access, result.jobs, on_jobs)
    return result


def parcels(files: Sequence[SourceFile]) -> Iterator[Parcel]:
    """Group files into uploads of a moderate size.

    An upload knows a file by its bare name. Where two folders hold files of the
    same name, each of these travels alone under an id made from its path.
    """
    names = Counter(file.path.name for file in files)
    batch: list[Path] = []
    size = 0
    for file in files:
        if names[file.path.name] > 1:
            yield Parcel([file.path], document_id(file.uri))
            continue
        batch.append(file.path)
        size += file.path.stat().st_size
        if len(batch) == _BATCH_FILES or size >= _BATCH_BYTES:
            yield Parcel(batch)
            batch, size = [], 0
    if batch:
        yield Parcel(batch)


def _files(request: JobRequest, unread: list[SourceFailure]) -> Iterator[SourceFile]:
    selection = Selection(request.recursive, PathFilter(request.include, request.exclude))
    for found in expand(request.sources, selection):
        if isinstance(found, SourceFailure):
            unread.append(found)
        else:
            yield found


def _wait(access: HttpAccess, jobs: list[JobView], on_jobs: OnJobs) -> None:
    while any(job.state not in FINISHED for job in jobs):
        time.sleep(_LOOK_EVERY_S)
        jobs[:] = [job if job.state in FINISHED else access.job(job.job_id) for job in jobs]
        on_jobs(jobs)
