"""Commit: one merge into the corpus for several documents, and their ledger rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from data_jobs.events import events_of
from data_jobs.monitor import Monitor
from data_jobs.settings import JobSettings
from data_jobs.stages.outcomes import outcome_row
from data_jobs.stages.records import children_of, quarantined_row, queued_row, ready_row
from data_jobs.stages.work import Work, unpack
from publishing.events.outbox import Outbox
from retrieval.chunk import Document, utc_now
from retrieval.corpus.store import Corpus
from retrieval.embedding.model import embedding_identity
from retrieval.errors import InvalidInputError
from retrieval.ids import document_id

Key = tuple[str, str]


class CommitStage:
    """Writes what the stages before made; the only writer of its job.

    A ready document replaces all its chunks, and those of attachments that it no
    longer has. A quarantined one keeps the chunks of its last good version, so
    that a damaged update loses nothing; its row says why it was not taken.
    """

    name = "commit"

    def __init__(self, settings: JobSettings, monitor: Monitor) -> None:
        self._settings = settings
        self._monitor = monitor
        self._commits = 0

    @cached_property
    def _corpus(self) -> Corpus:
        return Corpus.open(self._settings.corpus_uri, embedding_identity(self._settings.embedding))

    @cached_property
    def _outbox(self) -> Outbox | None:
        settings = self._settings
        return Outbox(settings.state_url) if settings.events.record else None

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        """Take bundles of documents; yield their outcomes."""
        yield outcome_row(self.finish([document.work() for document in unpack(table)]))
        self._monitor.flush()

    def finish(self, works: Sequence[Work]) -> Sequence[Work]:
        """Commit documents together; return them with their outcomes."""
        for work in works:
            if work.outcome is None:
                embedded = work.vectors is not None or not work.chunks
                work.outcome = "ready" if embedded else "stopped"
        # Of two works on one document the later one counts.
        newest = {work.key: work for work in works if work.outcome in ("ready", "quarantined")}
        pending = [work for work in newest.values() if not work.recorded]
        if pending:
            self._commit(pending)
        for work in works:
            work.discard()
        self._monitor.add(self.name, len(works))
        return works

    def _commit(self, works: Sequence[Work]) -> None:
        known = self._corpus.ledger({work.key for work in works})
        if self._outbox is not None:
            # A run that was killed may have made them true, and their rows are about to go.
            self._outbox.settle(known)
        try:
            self._write(works, known)
        except (InvalidInputError, ValueError, TypeError, OverflowError) as error:
            if len(works) > 1:
                for work in works:
                    self._commit([work])
            else:
                works[0].quarantine("commit", error)
                self._write(works, known)
        self._commits += 1
        if self._commits % self._settings.ingest.optimize_commits == 0:
            self._corpus.optimize()

    def _write(self, works: Sequence[Work], known: Mapping[Key, Document]) -> None:
        ready = [work for work in works if work.outcome == "ready"]
        rows = [
            (ready_row if work.outcome == "ready" else quarantined_row)(work, known.get(work.key))
            for work in works
        ]
        # Killed half-way, the next run knows by these rows that chunks may be there.
        self._corpus.record([queued_row(work) for work in ready if work.key not in known])
        gone = self._stale(ready, known)
        chunks = [chunk for work in ready for chunk in work.chunks]
        empty = np.empty((0, self._corpus.identity.dimension), dtype=np.float32)
        vectors = np.concatenate([empty, *(w.vectors for w in ready if w.vectors is not None)])
        replaced = [work.key for work in ready if work.key in known]
        events = events_of(works, rows, known) if self._outbox is not None else []
        if self._outbox is not None:
            self._outbox.prepare(events)
        self._corpus.commit(
            chunks,
            vectors,
            replace=[*replaced, *gone],
            documents=[*rows, *gone.values()],
            relations=[relation for work in ready for relation in work.relations],
        )
        if self._outbox is not None:
            self._outbox.confirm([event.event_id for event in events])

    def _stale(self, ready: Sequence[Work], known: Mapping[Key, Document]) -> dict[Key, Document]:
        """Return the rows, marked as deleted, of attachments that are no longer there."""
        attached = {(w.namespace, document_id(uri)) for w in ready for uri in w.attachments}
        found: dict[Key, Document] = {}
        parents = [known[work.key] for work in ready if work.key in known]
        while parents:
            keys = {(row.namespace, child) for row in parents for child in children_of(row)}
            rows = self._corpus.ledger(keys - attached - found.keys())
            parents = [row for row in rows.values() if row.status != "deleted"]
            for row in parents:
                found[row.namespace, row.doc_id] = replace(
                    row, status="deleted", chunks=0, updated_at=utc_now()
                )
        return found
