"""Runs of all stages in this process, with a stand-in for the model."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data_jobs.aside import Aside
from data_jobs.in_process import run_in_process
from data_jobs.monitor import LocalMonitor
from data_jobs.plan import Plan
from data_jobs.sandbox.sandbox import PARSE_FILE
from data_jobs.settings import JobSettings
from data_jobs.stages.outcomes import DocumentOutcome
from data_jobs.stages.parsing import new_sandboxes
from retrieval.chunk import Document, Vectors
from retrieval.corpus.store import Corpus
from retrieval.embedding.model import embedding_identity
from retrieval.ids import document_id
from retrieval.jobs import JobRequest, SourceItem
from retrieval.settings import EmbeddingSettings

NAMESPACE = "studio"


@dataclass
class RecordingEmbedder:
    """Stands for the model where a test asks which texts it was given.

    A text that holds "unspeakable" gets a vector that no corpus takes.
    """

    settings: EmbeddingSettings
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.identity = embedding_identity(self.settings)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        vectors = np.zeros((len(texts), self.identity.dimension), np.float32)
        vectors[:, 0] = [np.nan if "unspeakable" in text else 1.0 for text in texts]
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)


class Production:
    """A corpus in `home`, and runs of all stages over it."""

    def __init__(self, home: Path, function: str = PARSE_FILE, **settings: object) -> None:
        self.settings = JobSettings.model_validate({"home": home, **settings})
        self.function = function
        self.monitor = LocalMonitor()
        self.embedder: RecordingEmbedder | None = None
        identity = embedding_identity(self.settings.embedding)
        self.corpus = Corpus.open(self.settings.corpus_uri, identity)

    @property
    def embedded(self) -> list[str]:
        """The texts that the last run gave to the model."""
        return self.embedder.texts if self.embedder else []

    def run(
        self,
        *sources: SourceItem | Path | str,
        again: Sequence[SourceItem] = (),
        retry: bool = False,
    ) -> dict[str, DocumentOutcome]:
        """Ingest `sources`; return the outcomes by the last part of their URIs."""
        items = [s if isinstance(s, SourceItem) else SourceItem(uri=str(s)) for s in sources]
        request = JobRequest(namespace=NAMESPACE, sources=items, retry_quarantined=retry)
        return self.run_request(request, again)

    def run_request(
        self, request: JobRequest, again: Sequence[SourceItem] = ()
    ) -> dict[str, DocumentOutcome]:
        """Run a whole request; return the outcomes by the last part of their URIs."""
        self.embedder = None
        self.monitor.tally.counts.clear()
        self.monitor._aside = Aside()
        spool = self.settings.spool_dir / "job"
        plan = Plan(request, self.settings, self._load, again, spool=spool)
        with ExitStack() as stack:
            sandboxes = new_sandboxes(self.settings.ingest, self.function)
            for sandbox in sandboxes:
                stack.enter_context(sandbox)
            found = list(run_in_process(plan, self.monitor, sandboxes))
        return {outcome.source.rpartition("/")[2]: outcome for outcome in found}

    def row(self, source: str) -> Document:
        """Return the ledger row of a source."""
        row = self.corpus.document(NAMESPACE, document_id(source))
        assert row is not None
        return row

    def texts(self) -> list[str]:
        """Return the texts of all chunks, sorted."""
        table = self.corpus.dataset().to_table(columns=["indexed_text", "text_offset"])
        return sorted(row["indexed_text"][row["text_offset"] :] for row in table.to_pylist())

    def _load(self, settings: EmbeddingSettings) -> RecordingEmbedder:
        self.embedder = RecordingEmbedder(settings)
        return self.embedder
