"""What the command line does to a corpus, wherever that is."""

from typing import Protocol

from retrieval.answering.wire import AnswerResponse
from retrieval.chunk import DocumentStatus
from retrieval.jobs import JobRequest
from retrieval.query import SearchRequest, SearchResponse
from serve_apps.wire import (
    DeletedDocument,
    DocumentList,
    DocumentView,
    IgnoredDocuments,
    JobList,
    JobView,
    NamespaceList,
    ReasonList,
)
from serve_apps.wire_schedules import ScheduleList, ScheduleView


class Access(Protocol):
    """A corpus and its jobs, behind a running mesh or opened in this process.

    Calls block. What is not there raises `NotFoundError`.
    """

    where: str

    def search(self, request: SearchRequest) -> SearchResponse:
        """Answer a query."""
        ...

    def answer(self, request: SearchRequest) -> AnswerResponse:
        """Answer a question, with sources."""
        ...

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
        ...

    def reasons(self, namespace: str | None = None) -> ReasonList:
        """Return why documents are quarantined."""
        ...

    def ignore(self, namespace: str, doc_ids: list[str]) -> IgnoredDocuments:
        """Mark quarantined documents as ignored."""
        ...

    def document(self, namespace: str, doc_id: str) -> DocumentView:
        """Return one row of the ledger."""
        ...

    def delete_document(self, namespace: str, doc_id: str) -> DeletedDocument:
        """Remove a document with its chunks."""
        ...

    def namespaces(self) -> NamespaceList:
        """Return every namespace with its size."""
        ...

    def jobs(
        self, namespace: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> JobList:
        """Return one page of jobs, newest first."""
        ...

    def job(self, job_id: str) -> JobView:
        """Return one job."""
        ...

    def stop_job(self, job_id: str) -> JobView:
        """Ask a job to stop."""
        ...

    def pause_job(self, job_id: str) -> JobView:
        """Ask a job to take up no more documents for now."""
        ...

    def resume_job(self, job_id: str) -> JobView:
        """Let a paused job go on, or run one that has ended early once more."""
        ...

    def schedules(
        self, namespace: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> ScheduleList:
        """Return one page of schedules, oldest first."""
        ...

    def schedule(self, schedule_id: str) -> ScheduleView:
        """Return one schedule."""
        ...

    def add_schedule(self, request: JobRequest, cron: str, timezone: str) -> ScheduleView:
        """Have the sources of `request` ingested at the moments of `cron`."""
        ...

    def delete_schedule(self, schedule_id: str) -> ScheduleView:
        """Let a schedule have no further runs."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...
