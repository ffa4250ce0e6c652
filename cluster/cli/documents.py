"""`pmoves documents` and `pmoves namespaces`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cluster.cli.options import AsJson, Cursor, Limit, Namespace, Url, access, settings
from cluster.cli.output import print_json, print_table, remark, say

if TYPE_CHECKING:
    from serve_apps.wire import DocumentView

documents_app = typer.Typer(no_args_is_help=True, help="The ledger of documents.")

DocumentId = Annotated[str, typer.Argument(metavar="DOC_ID", help="The document's id.")]
Status = Annotated[
    Literal["queued", "ready", "quarantined", "ignored", "deleted"] | None,
    typer.Option("--status", help="Only documents of this status."),
]
Reason = Annotated[
    str | None,
    typer.Option("--reason", metavar="TYPE", help="Only documents with an error of this type."),
]


@documents_app.command("list")
def list_documents(
    namespace: Namespace = None,
    status: Status = None,
    source: Annotated[str | None, typer.Option(help="Only documents from this source.")] = None,
    reason: Reason = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """List documents, in order of namespace and id."""
    with access(settings(), url) as corpus:
        page = corpus.documents(namespace, status, source, limit, cursor, reason)
    if as_json:
        print_json(page)
        return
    print_table(
        ("DOC_ID", "NAMESPACE", "STATUS", "CHUNKS", "TITLE", "SOURCE"),
        [(d.doc_id, d.namespace, d.status, d.chunks, d.title, d.source) for d in page.documents],
    )
    if page.next_cursor:
        remark(f"more with --cursor {page.next_cursor}")


@documents_app.command("show")
def show_document(
    doc_id: DocumentId, namespace: Namespace = None, as_json: AsJson = False, url: Url = None
) -> None:
    """Show one document: its status, where it comes from, and what went wrong."""
    loaded = settings()
    with access(loaded, url) as corpus:
        document = corpus.document(namespace or loaded.search.namespace, doc_id)
    if as_json:
        print_json(document)
        return
    for name, value in _lines(document):
        say(f"{name + ':':<14}{value}")


@documents_app.command("delete")
def delete_document(
    doc_id: DocumentId, namespace: Namespace = None, as_json: AsJson = False, url: Url = None
) -> None:
    """Delete a document and its chunks; searches do not find it any more."""
    loaded = settings()
    with access(loaded, url) as corpus:
        deleted = corpus.delete_document(namespace or loaded.search.namespace, doc_id)
    if as_json:
        print_json(deleted)
        return
    say(f"deleted {deleted.doc_id} with {deleted.deleted_chunks} chunks")


def namespaces(as_json: AsJson = False, url: Url = None) -> None:
    """List namespaces with the number of their documents and chunks."""
    with access(settings(), url) as corpus:
        listed = corpus.namespaces()
    if as_json:
        print_json(listed)
        return
    print_table(
        ("NAMESPACE", "DOCUMENTS", "CHUNKS"),
        [(n.namespace, n.documents, n.chunks) for n in listed.namespaces],
    )


def _lines(document: "DocumentView") -> list[tuple[str, object]]:
    values = document.model_dump(mode="json", exclude={"error", "timings", "metadata"})
    lines: list[tuple[str, object]] = [(k, v) for k, v in values.items() if v not in (None, "")]
    if document.error:
        lines.append(("error", f"{document.error.type} in {document.error.stage}"))
        lines.append(("", document.error.message))
    lines += [(f"{stage} s", f"{seconds:.3f}") for stage, seconds in document.timings.items()]
    lines += [(name, value) for name, value in document.metadata.items()]
    return lines
