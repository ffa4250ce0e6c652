"""The corpus and the jobs of one home, opened in this process."""

from functools import cached_property

from cluster.errors import NotFoundError, UsageError
from cluster.settings import Settings
from retrieval.answering.opening import HOW_TO_TURN_ON
from retrieval.answering.wire import AnswerResponse
from retrieval.chunk import Document, DocumentStatus
from retrieval.corpus.store import Corpus
from retrieval.jobs import FINISHED, JobRequest, JobStore
from retrieval.query import SearchRequest, SearchResponse
from retrieval.schedules import ScheduleStore
from serve_apps.wire import (
    DeletedDocument,
    DocumentList,
    DocumentView,
    IgnoredDocuments,
    JobList,
    JobView,
    NamespaceList,
    NamespaceView,
    ReasonList,
    ReasonView,
)
from serve_apps.wire_schedules import ScheduleList, ScheduleView


class DirectAccess:
    """Works without a running mesh. The embedding model is loaded by `search` only."""

    def __init__(self, settings: Settings) -> None:
        self.where = settings.corpus_uri
        self._settings = settings

    @cached_property
    def _corpus(self) -> Corpus:
        return Corpus.open_existing(self._settings.corpus_uri)

    @cached_property
    def _jobs(self) -> JobStore:
        return JobStore(self._settings.state_url)

    @cached_property
    def _schedules(self) -> ScheduleStore:
        return ScheduleStore(self._settings.state_url)

    def search(self, request: SearchRequest) -> SearchResponse:
        """Answer a query."""
        # An empty corpus is not made by asking it.
        _ = self._corpus
        from retrieval.library import Library

        with Library(self._settings.home, self._settings) as library:
            return library.search(**request.model_dump(exclude_unset=True))

    def answer(self, request: SearchRequest) -> AnswerResponse:
        """Answer a question, with sources."""
        _ = self._corpus
        if not self._settings.llm.configured:
            raise UsageError(HOW_TO_TURN_ON)
        from retrieval.library import Library

        with Library(self._settings.home, self._settings) as library:
            return library.answer(**request.model_dump(exclude_unset=True))

    def documents(
        self,
        namespace: str | None = None,
        status: DocumentStatus | None = None,
        source: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
        reason: str | None = None,
    ) -> DocumentList:
        """Return one page of the ledger."""
        page = self._corpus.documents(
            [namespace] if namespace else None,
            status=status,
            source=source,
            reason=reason,
            limit=limit,
            cursor=cursor,
        )
        views = [DocumentView.of(document) for document in page.documents]
        return DocumentList(documents=views, next_cursor=page.next_cursor)

    def reasons(self, namespace: str | None = None) -> ReasonList:
        """Return why documents are quarantined."""
        found = self._corpus.reasons([namespace] if namespace else None)
        views = [ReasonView.model_validate(reason, from_attributes=True) for reason in found]
        return ReasonList(reasons=views)

    def ignore(self, namespace: str, doc_ids: list[str]) -> IgnoredDocuments:
        """Mark quarantined documents as ignored."""
        found = self._corpus.ignore(namespace, doc_ids)
        return IgnoredDocuments(namespace=namespace, doc_ids=found)

    def document(self, namespace: str, doc_id: str) -> DocumentView:
        """Return one row of the ledger."""
        return DocumentView.of(self._find(namespace, doc_id))

    def delete_document(self, namespace: str, doc_id: str) -> DeletedDocument:
        """Remove a document with its chunks."""
        if self._find(namespace, doc_id).status == "deleted":
            raise NotFoundError(f"the document {doc_id!r} is deleted already.")
        commit = self._corpus.delete_document(namespace, doc_id)
        return DeletedDocument(
            ok=True,
            namespace=namespace,
            doc_id=doc_id,
            deleted_chunks=commit.deleted,
            index_version=commit.version,
        )

    def namespaces(self) -> NamespaceList:
        """Return every namespace with its size."""
        views = [
            NamespaceView(namespace=name, documents=counts.documents, chunks=counts.chunks)
            for name, counts in sorted(self._corpus.namespaces().items())
        ]
        return NamespaceList(namespaces=views)

    def jobs(
        self, namespace: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> JobList:
        """Return one page of jobs, newest first."""
        page = self._jobs.list([namespace] if namespace else None, limit, cursor)
        return JobList(jobs=[JobView.of(job) for job in page.jobs], next_cursor=page.next_cursor)

    def job(self, job_id: str) -> JobView:
        """Return one job."""
        job = self._jobs.get(job_id)
        if job is None:
            raise NotFoundError(f"there is no job {job_id!r}; see `pmoves jobs list`.")
        return JobView.of(job)

    def stop_job(self, job_id: str) -> JobView:
        """Ask a job to stop."""
        self.job(job_id)
        return JobView.of(self._jobs.request_stop(job_id))

    def pause_job(self, job_id: str) -> JobView:
        """Ask a job to take up no more documents for now."""
        self.job(job_id)
        return JobView.of(self._jobs.request_pause(job_id, True))

    def resume_job(self, job_id: str) -> JobView:
        """Let a paused job go on; what has ended needs a mesh, or a process, to run it."""
        if self.job(job_id).state in FINISHED:
            raise UsageError(
                f"the job {job_id!r} has ended; run it with `python -m data_jobs.ingest --job-id "
                f"{job_id}`, or start the mesh first."
            )
        return JobView.of(self._jobs.request_pause(job_id, False))

    def schedules(
        self, namespace: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> ScheduleList:
        """Return one page of schedules, oldest first."""
        page = self._schedules.list([namespace] if namespace else None, limit, cursor)
        views = [ScheduleView.of(schedule) for schedule in page.schedules]
        return ScheduleList(schedules=views, next_cursor=page.next_cursor)

    def schedule(self, schedule_id: str) -> ScheduleView:
        """Return one schedule."""
        schedule = self._schedules.get(schedule_id)
        if schedule is None:
            raise NotFoundError(
                f"there is no schedule {schedule_id!r}; see `pmoves schedules list`."
            )
        return ScheduleView.of(schedule)

    def add_schedule(self, request: JobRequest, cron: str, timezone: str) -> ScheduleView:
        """Refuse: it is the mesh that runs schedules, and checks what they may read."""
        raise UsageError(
            "a running mesh keeps schedules; start it with `pmoves up`, or stay with "
            "`python -m data_jobs.backfill SPEC.yaml --scheduled`."
        )

    def delete_schedule(self, schedule_id: str) -> ScheduleView:
        """Let a schedule have no further runs."""
        found = self.schedule(schedule_id)
        self._schedules.delete(schedule_id)
        return found

    def close(self) -> None:
        """Give the connections back."""
        if "_jobs" in self.__dict__:
            self._jobs.close()
        if "_schedules" in self.__dict__:
            self._schedules.close()

    def _find(self, namespace: str, doc_id: str) -> Document:
        document = self._corpus.document(namespace, doc_id)
        if document is None:
            raise NotFoundError(
                f"there is no document {doc_id!r} in the namespace {namespace!r}; "
                "see `pmoves documents list`."
            )
        return document
