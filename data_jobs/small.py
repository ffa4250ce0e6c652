"""Which jobs are small: over before Ray's workers would have started."""

from collections.abc import Iterable

from data_jobs.lanes import lane_of, size_of
from data_jobs.patterns import PathFilter
from data_jobs.settings import IngestSettings
from data_jobs.sources import Selection, SourceFailure, SourceFile, expand
from data_jobs.web.urls import is_web
from retrieval.job_request import JobRequest
from retrieval.settings import S3Settings


def is_small(request: JobRequest, ingest: IngestSettings, objects: S3Settings) -> bool:
    """Say whether `request` names few files that are quickly read.

    Pages wait for their hosts, recordings are listened to, and what is taken up again or
    mirrored may be any number of documents: none of these is small. Lists no more files
    than it needs to know.
    """
    if not ingest.small_documents or request.retry_quarantined or request.mirror:
        return False
    if any(is_web(item.uri) for item in request.sources):
        return False
    files = PathFilter(request.include, request.exclude)
    selection = Selection(request.recursive, files, objects=objects)
    return _few(expand(request.sources, selection), ingest.small_documents, ingest.small_bytes)


def _few(found: Iterable[SourceFile | SourceFailure], most: int, most_bytes: int) -> bool:
    size = 0
    for count, each in enumerate(found, start=1):
        if isinstance(each, SourceFile):
            if lane_of(each) == "recordings":
                return False
            size += size_of(each)
        if count > most or size > most_bytes:
            return False
    return True
