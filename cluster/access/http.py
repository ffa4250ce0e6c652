"""A running mesh, over HTTP."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from cluster.errors import ClientError, NotFoundError
from retrieval.answering.wire import AnswerResponse
from retrieval.chunk import DocumentStatus
from retrieval.job_request import JobRequest
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
from serve_apps.wire_state import Readiness, Stats

Answer = TypeVar("Answer", bound=BaseModel)
_TIMEOUT_S = 60.0
# The mesh has a limit of its own, which its settings may raise.
_ANSWER_TIMEOUT_S = 660.0


class HttpAccess:
    """Speaks the API of `serve_apps`; problem documents become `ClientError`."""

    def __init__(self, url: str, api_key: str = "", timeout_s: float = _TIMEOUT_S) -> None:
        self.where = url.rstrip("/")
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        # A proxy in the environment has no business with loopback.
        loopback = httpx.URL(self.where).host in ("127.0.0.1", "localhost", "::1")
        self._http = httpx.Client(
            base_url=self.where, headers=headers, timeout=timeout_s, trust_env=not loopback
        )

    def search(self, request: SearchRequest) -> SearchResponse:
        """Answer a query."""
        body = request.model_dump(mode="json", exclude_unset=True)
        return self._call(SearchResponse, "POST", "/hirag/query", json=body)

    def answer(self, request: SearchRequest) -> AnswerResponse:
        """Answer a question, with sources."""
        body = request.model_dump(mode="json", exclude_unset=True)
        return self._call(
            AnswerResponse, "POST", "/hirag/answer", json=body, timeout=_ANSWER_TIMEOUT_S
        )

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
        query = _given(
            namespace=namespace,
            status=status,
            source=source,
            reason=reason,
            limit=limit,
            cursor=cursor,
        )
        return self._call(DocumentList, "GET", "/documents", params=query)

    def reasons(self, namespace: str | None = None) -> ReasonList:
        """Return why documents are quarantined."""
        return self._call(ReasonList, "GET", "/quarantine", params=_given(namespace=namespace))

    def ignore(self, namespace: str, doc_ids: list[str]) -> IgnoredDocuments:
        """Mark quarantined documents as ignored."""
        body = {"namespace": namespace, "doc_ids": doc_ids}
        return self._call(IgnoredDocuments, "POST", "/quarantine/ignore", json=body)

    def retry(self, namespace: str, reason: str | None, doc_ids: list[str]) -> JobView:
        """Have quarantined documents taken up again; the job that does it is returned."""
        body = {"namespace": namespace, "reason": reason, "doc_ids": doc_ids}
        return self._call(JobView, "POST", "/quarantine/retry", json=body)

    def document(self, namespace: str, doc_id: str) -> DocumentView:
        """Return one row of the ledger."""
        return self._call(DocumentView, "GET", _document(doc_id), params={"namespace": namespace})

    def delete_document(self, namespace: str, doc_id: str) -> DeletedDocument:
        """Remove a document with its chunks."""
        query = {"namespace": namespace}
        return self._call(DeletedDocument, "DELETE", _document(doc_id), params=query)

    def namespaces(self) -> NamespaceList:
        """Return every namespace with its size."""
        return self._call(NamespaceList, "GET", "/namespaces")

    def jobs(
        self, namespace: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> JobList:
        """Return one page of jobs, newest first."""
        query = _given(namespace=namespace, limit=limit, cursor=cursor)
        return self._call(JobList, "GET", "/jobs", params=query)

    def job(self, job_id: str) -> JobView:
        """Return one job."""
        return self._call(JobView, "GET", f"/jobs/{quote(job_id, safe='')}")

    def stop_job(self, job_id: str) -> JobView:
        """Ask a job to stop."""
        return self._call(JobView, "DELETE", f"/jobs/{quote(job_id, safe='')}")

    def pause_job(self, job_id: str) -> JobView:
        """Ask a job to take up no more documents for now."""
        return self._call(JobView, "POST", f"/jobs/{quote(job_id, safe='')}/pause")

    def resume_job(self, job_id: str) -> JobView:
        """Let a paused job go on, or run one that has ended early once more."""
        return self._call(JobView, "POST", f"/jobs/{quote(job_id, safe='')}/resume")

    def upload(self, files: Sequence[Path], namespace: str, doc_id: str | None = None) -> JobView:
        """Send files; the job that ingests them is returned."""
        with ExitStack() as opened:
            parts = [
                ("files", (path.name, opened.enter_context(path.open("rb")))) for path in files
            ]
            fields = _given(namespace=namespace, doc_id=doc_id)
            return self._call(JobView, "POST", "/documents", files=parts, data=fields)

    def ingest(self, request: JobRequest) -> JobView:
        """Have the mesh read the sources of `request` by itself; the job is returned."""
        return self._call(JobView, "POST", "/ingest", json=_ingest_body(request))

    def schedules(
        self, namespace: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> ScheduleList:
        """Return one page of schedules, oldest first."""
        query = _given(namespace=namespace, limit=limit, cursor=cursor)
        return self._call(ScheduleList, "GET", "/schedules", params=query)

    def schedule(self, schedule_id: str) -> ScheduleView:
        """Return one schedule."""
        return self._call(ScheduleView, "GET", f"/schedules/{quote(schedule_id, safe='')}")

    def add_schedule(self, request: JobRequest, cron: str, timezone: str) -> ScheduleView:
        """Have the mesh ingest the sources of `request` at the moments of `cron`."""
        body = _ingest_body(request) | {
            "retry_quarantined": request.retry_quarantined,
            "schedule": cron,
            "timezone": timezone,
        }
        return self._call(ScheduleView, "POST", "/ingest", json=body)

    def delete_schedule(self, schedule_id: str) -> ScheduleView:
        """Let a schedule have no further runs."""
        return self._call(ScheduleView, "DELETE", f"/schedules/{quote(schedule_id, safe='')}")

    def stats(self) -> Stats:
        """Return the state of every stage."""
        return self._call(Stats, "GET", "/hirag/admin/stats")

    def readiness(self) -> Readiness:
        """Return whether the mesh can answer, part by part."""
        response = self._send("GET", "/readyz")
        if response.status_code in (httpx.codes.OK, httpx.codes.SERVICE_UNAVAILABLE):
            return self._parsed(Readiness, response)
        raise ClientError(_refusal(response))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(self, model: type[Answer], method: str, path: str, **options: Any) -> Answer:
        response = self._send(method, path, **options)
        if response.status_code == httpx.codes.NOT_FOUND:
            raise NotFoundError(_refusal(response))
        if response.is_error:
            raise ClientError(_refusal(response))
        return self._parsed(model, response)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.TimeoutException as error:
            raise ClientError(
                f"{self.where} did not answer {method} {path} in time; try again, or see "
                "`pmoves status`."
            ) from error
        except httpx.HTTPError as error:
            raise ClientError(
                f"nothing answers at {self.where} ({error}); start a mesh with `pmoves up`, or "
                "correct --url or PMOVES_URL."
            ) from error

    def _parsed(self, model: type[Answer], response: httpx.Response) -> Answer:
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            raise ClientError(
                f"{self.where} answers {response.request.url.path}, but not as a mesh of this "
                "version does; check --url or PMOVES_URL."
            ) from error


def _ingest_body(request: JobRequest) -> dict[str, Any]:
    return {
        "sources": [item.uri for item in request.sources],
        "namespace": request.namespace,
        "include": request.include,
        "exclude": request.exclude,
        "yt_options": request.yt_options.model_dump(exclude_none=True),
    }


def _given(**values: str | int | None) -> dict[str, str | int]:
    return {name: value for name, value in values.items() if value is not None}


def _document(doc_id: str) -> str:
    return f"/documents/{quote(doc_id, safe='')}"


def _refusal(response: httpx.Response) -> str:
    try:
        problem = response.json()
        detail = problem.get("detail") or problem.get("title")
    except (ValueError, AttributeError):
        detail = response.text.strip()[:500]
    told = f"{response.status_code}: {detail or response.reason_phrase}"
    if response.status_code == httpx.codes.UNAUTHORIZED:
        told += (
            " Give a key in PMOVES_API_KEY; whoever runs the mesh makes one with "
            "`pmoves keys create`."
        )
    return told
