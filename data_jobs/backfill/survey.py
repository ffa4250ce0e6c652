"""A dry run: what a backfill would find, and about how long it would take."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from data_jobs.lanes import Spending, lane_of, looks_unchanged, size_of
from data_jobs.patterns import PathFilter
from data_jobs.settings import JobSettings
from data_jobs.sources import Selection, SourceFailure, SourceFile, expand
from data_jobs.web.listing import WebLister
from data_jobs.web.visitor import Visitor
from retrieval.chunk import Document
from retrieval.corpus.store import Corpus
from retrieval.errors import CorpusError
from retrieval.ids import document_id
from retrieval.job_request import JobRequest, Lane

_TOGETHER = 500
_SAMPLE = 2_000


@dataclass(slots=True)
class LaneCounts:
    """One lane: documents by what is known of them, and the bytes of those to be read."""

    found: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    over_budget: int = 0
    bytes: int = 0

    @property
    def to_do(self) -> int:
        """Documents that a run would read."""
        return self.new + self.changed - self.over_budget


@dataclass(slots=True)
class Survey:
    """What a run would do; `seconds` of work by lane as the ledger's own history tells it.

    None stands for a lane of which nothing was ever read here.
    """

    lanes: dict[Lane, LaneCounts] = field(default_factory=dict)
    seconds: dict[Lane, float | None] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def total_seconds(self) -> float | None:
        """Seconds of work over all lanes, one thing after the other; None while unknown."""
        known = [self.seconds[lane] for lane, counts in self.lanes.items() if counts.to_do]
        return None if None in known else sum(second or 0.0 for second in known)


def survey(request: JobRequest, settings: JobSettings, *, confined: bool = False) -> Survey:
    """Look at what `request` names without reading any file; writes nothing.

    Sitemaps and lists on the web are read, pages are not. With `confined`, sources are kept
    to the folders and buckets of the settings.
    """
    corpus = _existing(settings)
    result, spent = Survey(), Spending(request.budgets)
    files = _wanted(request, settings, result, confined)
    while group := list(islice(files, _TOGETHER)):
        keys = {(request.namespace, file.doc_id or document_id(file.uri)) for file in group}
        known = corpus.ledger(keys) if corpus else {}
        for file in group:
            row = known.get((request.namespace, file.doc_id or document_id(file.uri)))
            _count(result.lanes.setdefault(lane_of(file), LaneCounts()), file, row, spent)
    history = _history(corpus) if corpus else {}
    for lane, counts in result.lanes.items():
        each = history.get(lane)
        result.seconds[lane] = None if each is None else each * counts.to_do
    return result


def _existing(settings: JobSettings) -> Corpus | None:
    try:
        return Corpus.open_existing(settings.corpus_uri)
    except CorpusError:
        return None


def _wanted(
    request: JobRequest, settings: JobSettings, result: Survey, confined: bool
) -> Iterator[SourceFile]:
    visitor = Visitor(settings.fetch, settings.web, lambda: False)
    selection = Selection(
        request.recursive,
        PathFilter(request.include, request.exclude),
        pages=WebLister(visitor, settings.web).pages,
        roots=settings.ingest.roots if confined else None,
        objects=settings.s3,
        buckets=settings.ingest.buckets if confined else None,
    )
    try:
        for found in expand(request.sources, selection):
            if isinstance(found, SourceFailure):
                result.failures.append(f"{found.uri}: {found.error}")
            elif not request.lanes or lane_of(found) in request.lanes:
                yield found
    finally:
        visitor.close()


def _count(counts: LaneCounts, file: SourceFile, known: Document | None, spent: Spending) -> None:
    counts.found += 1
    if looks_unchanged(file, known):
        counts.unchanged += 1
        return
    is_known = known is not None and known.status != "deleted"
    counts.changed += is_known
    counts.new += not is_known
    if spent.takes(file, known):
        counts.bytes += size_of(file)
    else:
        counts.over_budget += 1


def _history(corpus: Corpus) -> dict[Lane, float]:
    """Return the mean seconds of all stages together that a document of each lane took."""
    seconds: Counter[Lane] = Counter()
    documents: Counter[Lane] = Counter()
    cursor, left = None, _SAMPLE
    while left > 0:
        page = corpus.documents(status="ready", limit=min(left, 1_000), cursor=cursor)
        for row in page.documents:
            lane = lane_of(SourceFile(row.source, Path(row.source.rpartition("/")[2])))
            seconds[lane] += sum(row.timings.values())  # type: ignore[assignment]
            documents[lane] += 1
        left -= len(page.documents)
        cursor = page.next_cursor
        if cursor is None:
            break
    return {lane: seconds[lane] / count for lane, count in documents.items()}
