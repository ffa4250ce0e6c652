"""Read: fingerprint files, and leave out what is unchanged."""

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from data_jobs.errors import LimitExceededError, UnreadableFileError
from data_jobs.fingerprint import (
    document_fingerprint,
    file_hash,
    pipeline_fingerprint,
    with_reading,
    with_speech,
)
from data_jobs.monitor import Monitor
from data_jobs.parse.media_types import IMAGES, RECORDINGS
from data_jobs.parse.ocr.tesseract import is_available
from data_jobs.settings import JobSettings
from data_jobs.stages.records import NEEDS_OCR
from data_jobs.stages.stage import Stage
from data_jobs.stages.work import Carried, Work, pack
from data_jobs.vision.describing import DESCRIBED_BY
from retrieval.chunk import Document
from retrieval.corpus.store import Corpus
from retrieval.embedding.model import embedding_identity


class ReadStage(Stage):
    """Compares files with the ledger.

    A ready document whose bytes, settings and model are the same is skipped. One
    that is quarantined stays so unless `retry` asks for another try.
    """

    name = "read"

    def __init__(self, settings: JobSettings, retry: bool, monitor: Monitor) -> None:
        super().__init__(monitor)
        self._settings = settings
        self._retry = retry

    @cached_property
    def _corpus(self) -> Corpus:
        return Corpus.open(self._settings.corpus_uri, embedding_identity(self._settings.embedding))

    @cached_property
    def _pipeline(self) -> str:
        return pipeline_fingerprint(self._settings.chunking, self._corpus.identity)

    def process(self, work: Work) -> Iterator[Work]:
        """Fingerprint one file."""
        path, stored = work.file.path, work.file.stored
        try:
            work.size_bytes = stored.size if stored else path.stat().st_size
            if work.size_bytes > (most := self._settings.ingest.max_file_bytes):
                raise LimitExceededError(
                    f"the file has {work.size_bytes:,} bytes; at most {most:,} are read "
                    "(PMOVES_INGEST__MAX_FILE_BYTES)"
                )
            work.content_hash = stored.content_hash if stored else file_hash(path)
        except OSError as error:
            raise UnreadableFileError(f"{str(path)!r} cannot be read: {error.strerror}") from error
        self.judge(work)
        yield work

    def judge(self, work: Work) -> None:
        """Settle the outcome of a document that is the same as before, by its `content_hash`."""
        work.pipeline = document_fingerprint(
            self._pipeline, work.file.uri, work.name, work.file.metadata
        )
        if not work.file.force:
            self._compare(work)

    def ledger(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        """Return the ledger rows of those (namespace, doc_id) pairs that are known."""
        return self._corpus.ledger(keys)

    def _compare(self, work: Work) -> None:
        known = work.known
        if known is None or known.content_hash != work.content_hash:
            return
        pipeline = work.pipeline
        if known.status == "ready":
            ingest = self._settings.ingest
            pipeline = with_reading(pipeline, known.media_type, known.metadata, ingest)
        if known.media_type in RECORDINGS or work.video is not None:
            pipeline = with_speech(pipeline, self._settings.speech)
        if known.pipeline != pipeline:
            return
        if (
            known.status == "ready" and not self._may_read_more(known)
        ) or known.status == "ignored":
            work.outcome = "skipped"
        elif known.status == "quarantined" and not self._retry:
            work.outcome, work.error, work.recorded = "quarantined", known.error, True

    def _may_read_more(self, known: Document) -> bool:
        """Whether OCR or descriptions were off or failed, and are on now."""
        if known.media_type in IMAGES and self._settings.ingest.vision.url:
            return DESCRIBED_BY not in known.metadata
        never = known.metadata.get(NEEDS_OCR) and "ocr_pages" not in known.metadata
        return bool(never) and is_available(self._settings.ingest.ocr.options())

    def documents(self, documents: Iterable[Carried]) -> Iterator[Carried]:
        """Ask the ledger once for all documents that come together."""
        works = [document.work() for document in documents]
        # What was set aside has been here before.
        yield from (pack(work) for work in works if work.slow)
        works = [work for work in works if not work.slow]
        known = self._corpus.ledger({work.key for work in works}) if works else {}
        for work in works:
            work.known = known.get(work.key)
            yield from map(pack, [work] if work.outcome else self.guarded(work))
            self._monitor.add(self.name, 1)
