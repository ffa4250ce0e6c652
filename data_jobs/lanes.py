"""Lanes: kinds of sources, each with what one run may take of it.

They are told from names alone, before anything is opened.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import PurePosixPath

from data_jobs.sources import SourceFile
from data_jobs.stages.work import Work
from data_jobs.web.urls import is_web
from retrieval.chunk import Document
from retrieval.corpus.changes import DocumentKey
from retrieval.job_request import Budget, JobRequest, Lane

Lookup = Callable[[Collection[DocumentKey]], dict[DocumentKey, Document]]
_TOGETHER = 500
_ENDINGS: dict[Lane, str] = {
    "pictures": "png jpg jpeg tif tiff webp heic heif gif bmp avif",
    "recordings": "mp3 m4a aac wav flac ogg oga opus wma mp4 m4v mov mkv webm avi mpg mpeg wmv",
    "mail": "eml msg mbox",
    "archives": "zip tar gz tgz bz2 xz 7z rar zst",
}
_LANES: dict[str, Lane] = {
    f".{ending}": lane for lane, endings in _ENDINGS.items() for ending in endings.split()
}


def lane_of(file: SourceFile) -> Lane:
    """Return the lane of a source."""
    if is_web(file.uri):
        return "web"
    suffix = PurePosixPath(file.name or file.path.name).suffix.lower()
    return _LANES.get(suffix, "documents")


def looks_unchanged(file: SourceFile, known: Document | None) -> bool:
    """Say whether a source seems to be as the ledger knows it, without reading it."""
    if file.force or known is None or known.status not in ("ready", "quarantined"):
        return False
    if is_web(file.uri):
        return known.status == "ready"
    if file.stored is not None:
        return file.stored.content_hash == known.content_hash
    try:
        status = file.path.stat()
    except OSError:
        return False
    changed = datetime.fromtimestamp(status.st_mtime, UTC)
    return status.st_size == known.size_bytes and changed <= known.updated_at


def chosen_documents(works: Iterable[Work], request: JobRequest, ledger: Lookup) -> Iterator[Work]:
    """Yield the documents of the lanes that `request` wants.

    What is over the budget of its lane is yielded as stopped: the next run takes it up.
    """
    lanes = set(request.lanes)
    wanted = (work for work in works if work.outcome or not lanes or lane_of(work.file) in lanes)
    if not request.budgets:
        yield from wanted
        return
    spent = Spending(request.budgets)
    while group := list(islice(wanted, _TOGETHER)):
        known = ledger({work.key for work in group})
        for work in group:
            if work.outcome is None and not spent.takes(work.file, known.get(work.key)):
                work.outcome = "stopped"
            yield work


class Spending:
    """What is left of the budgets of all lanes."""

    def __init__(self, budgets: dict[Lane, Budget]) -> None:
        self._budgets = budgets
        self._documents: Counter[Lane] = Counter()
        self._bytes: Counter[Lane] = Counter()

    def takes(self, file: SourceFile, known: Document | None) -> bool:
        """Say whether there is room for a document, and count it; what is unchanged is free."""
        lane = lane_of(file)
        budget = self._budgets.get(lane)
        if budget is None or looks_unchanged(file, known):
            return True
        size = size_of(file)
        if budget.documents is not None and self._documents[lane] >= budget.documents:
            return False
        if budget.bytes is not None and self._bytes[lane] + size > budget.bytes:
            return False
        self._documents[lane] += 1
        self._bytes[lane] += size
        return True


def size_of(file: SourceFile) -> int:
    """Return the bytes of a source, 0 where they are not known."""
    if is_web(file.uri):
        return 0
    if file.stored is not None:
        return file.stored.size
    try:
        return file.path.stat().st_size
    except OSError:
        return 0
