"""`/documents`: the ledger, and uploads."""

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError
from pydantic_core import from_json

from retrieval.chunk import Document
from retrieval.jobs import JobRequest, SourceItem, new_job_id
from serve_apps.access_log import note_namespaces
from serve_apps.background import refresh
from serve_apps.body import invalid
from serve_apps.caller import Caller, caller_of
from serve_apps.jobs import START_S, start_job, uploads_folder
from serve_apps.openapi import form_body
from serve_apps.problems import INVALID_REQUEST, NOT_FOUND, FieldError, ProblemError
from serve_apps.services import Services, services_of
from serve_apps.uploads import Upload, UploadLimits, discard, receive_upload
from serve_apps.wire import (
    DeletedDocument,
    DocumentList,
    DocumentsQuery,
    DocumentView,
    JobView,
    NamespaceQuery,
    UploadFields,
)

router = APIRouter(tags=["documents"])
_FORM = form_body(
    {
        "files": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "minItems": 1,
        },
        # Empty fields count as left out, for web forms send them.
        "namespace": {"type": "string", "pattern": r"^([A-Za-z0-9][A-Za-z0-9._-]{0,127})?$"},
        "doc_id": {
            "type": "string",
            "description": "Only with a single file.",
            "maxLength": 1_024,
        },
        "metadata": {
            "type": "string",
            "description": "A JSON object.",
            "contentMediaType": "application/json",
        },
    },
    required=["files"],
)


@router.get("/documents", summary="List documents")
async def list_documents(
    request: Request, query: Annotated[DocumentsQuery, Query()]
) -> DocumentList:
    """Return one page of the ledger, in order of namespace and document."""
    page = await asyncio.to_thread(
        services_of(request).corpus.documents,
        caller_of(request).listed(query.namespace),
        status=query.status,
        source=query.source,
        reason=query.reason,
        limit=query.limit,
        cursor=query.cursor,
    )
    documents = [DocumentView.of(document) for document in page.documents]
    return DocumentList(documents=documents, next_cursor=page.next_cursor)


@router.get("/documents/{doc_id:path}", summary="Show a document")
async def show_document(
    request: Request, doc_id: str, query: Annotated[NamespaceQuery, Query()]
) -> DocumentView:
    """Return one ledger row; a deleted document is shown as such."""
    services = services_of(request)
    default = services.settings.search.namespace
    namespace = caller_of(request).chosen(query.namespace, default)
    return DocumentView.of(await _find(services, namespace, doc_id))


@router.delete("/documents/{doc_id:path}", summary="Delete a document")
async def delete_document(
    request: Request, doc_id: str, query: Annotated[NamespaceQuery, Query()]
) -> DeletedDocument:
    """Remove a document with its chunks; searches do not find it any more."""
    services = services_of(request)
    default = services.settings.search.namespace
    namespace = caller_of(request).chosen(query.namespace, default)
    note_namespaces(request, [namespace])
    document = await _find(services, namespace, doc_id)
    if document.status == "deleted":
        raise ProblemError(NOT_FOUND, f"The document {doc_id!r} is deleted already.")
    commit = await asyncio.to_thread(services.corpus.delete_document, namespace, doc_id)
    services.metrics.count("pmoves_deleted_documents_total")
    await refresh(services)
    return DeletedDocument(
        ok=True,
        namespace=namespace,
        doc_id=doc_id,
        deleted_chunks=commit.deleted,
        index_version=commit.version,
    )


@router.post("/documents", status_code=202, summary="Upload files", openapi_extra=_FORM)
async def upload_documents(request: Request, response: Response) -> JobView:
    """Take files in and start a job that reads, cuts, embeds and stores them.

    Send `namespace` before the files: where it is not the caller's, nothing more is read.
    """
    services, caller = services_of(request), caller_of(request)
    http, default = services.settings.http, services.settings.search.namespace
    job_id = new_job_id()
    limits = UploadLimits(http.max_upload_bytes, http.max_upload_files)

    def check(field: str, value: str) -> None:
        if field == "namespace":
            caller.chosen(value, default)

    upload = await receive_upload(request, uploads_folder(services, job_id), limits, check)
    services.metrics.count("pmoves_uploaded_bytes_total", by=upload.size)
    try:
        wanted = _job_request(upload, caller, default)
    except ProblemError:
        await asyncio.to_thread(discard, upload)
        raise
    note_namespaces(request, [wanted.namespace])
    # A client that leaves now must not leave files behind that no job reads.
    job = await asyncio.shield(
        services.state.call(start_job, services, wanted, job_id, limit_s=START_S)
    )
    response.headers["Location"] = f"/jobs/{job.job_id}"
    return JobView.of(job)


def _job_request(upload: Upload, caller: Caller, default_namespace: str) -> JobRequest:
    values = {name: value for name, value in upload.fields.items() if value}
    try:
        metadata = from_json(values.get("metadata", "{}"), allow_inf_nan=False)
    except ValueError as error:
        raise _form_problem("metadata", f"is not JSON: {error}") from None
    try:
        fields = UploadFields.model_validate({**values, "metadata": metadata})
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_input=False)) from None
    namespace = caller.chosen(fields.namespace, default_namespace)
    _check_files(upload, fields.doc_id)
    sources = [
        SourceItem(
            uri=f"upload:{quote(file.name)}",
            path=str(file.path),
            doc_id=fields.doc_id,
            name=file.name,
        )
        for file in upload.files
    ]
    return JobRequest(namespace=namespace, sources=sources, metadata=fields.metadata)


def _check_files(upload: Upload, doc_id: str | None) -> None:
    names = [file.name for file in upload.files]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names:
        raise _form_problem("files", "holds no file; send at least one part named 'files'")
    if doc_id is not None and len(names) > 1:
        raise _form_problem("doc_id", "names one document, but several files were sent")
    if twice:
        raise _form_problem("files", f"two files are called {twice[0]!r}; names tell them apart")


def _form_problem(field: str, detail: str) -> ProblemError:
    return ProblemError(
        INVALID_REQUEST, f"{field}: {detail}.", [FieldError(field=field, detail=detail)]
    )


async def _find(services: Services, namespace: str, doc_id: str) -> Document:
    document = await asyncio.to_thread(services.corpus.document, namespace, doc_id)
    if document is None:
        raise ProblemError(
            NOT_FOUND, f"There is no document {doc_id!r} in the namespace {namespace!r}."
        )
    return document
