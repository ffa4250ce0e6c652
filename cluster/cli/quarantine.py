"""`pmoves documents reasons|retry|ignore|open`: what becomes of documents that failed."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.documents import DocumentId, Reason, documents_app
from cluster.cli.ingest import run
from cluster.cli.options import AsJson, Namespace, Url, access, settings
from cluster.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from cluster.settings import Settings

__all__ = ["documents_app"]

DocumentIds = Annotated[
    list[str], typer.Argument(metavar="DOC_ID...", help="The ids of the documents.")
]
SomeIds = Annotated[
    list[str] | None, typer.Argument(metavar="DOC_ID...", help="Only these documents.")
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A setting of the group `ingest` for this run alone, such as ocr.languages=deu.",
    ),
]
Launch = Annotated[
    bool, typer.Option("--launch", help="Open it in the program that this desktop has for it.")
]


@documents_app.command("reasons")
def reasons(namespace: Namespace = None, as_json: AsJson = False, url: Url = None) -> None:
    """Count the documents that failed by reason."""
    with access(settings(), url) as corpus:
        found = corpus.reasons(namespace)
    if as_json:
        print_json(found)
        return
    print_table(
        ("NAMESPACE", "STAGE", "TYPE", "COUNT"),
        [(r.namespace, r.stage, r.type, r.count) for r in found.reasons],
    )


@documents_app.command("retry")
def retry(
    doc_ids: SomeIds = None,
    namespace: Namespace = None,
    reason: Reason = None,
    changes: Changes = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Take documents that failed up again, if wanted with other settings."""
    from retrieval.jobs import JobRequest

    _change(changes or [])
    loaded = settings()
    names = namespace or loaded.search.namespace
    if address := url or loaded.url:
        _retry_there(loaded, address, names, reason, doc_ids or [])
        return
    request = JobRequest(
        namespace=names,
        sources=[],
        retry_quarantined=True,
        retry_reason=reason,
        retry_documents=doc_ids or [],
    )
    run(loaded, None, request, as_json)


@documents_app.command("ignore")
def ignore(
    doc_ids: DocumentIds, namespace: Namespace = None, as_json: AsJson = False, url: Url = None
) -> None:
    """Leave documents that failed alone until their bytes change."""
    loaded = settings()
    with access(loaded, url) as corpus:
        found = corpus.ignore(namespace or loaded.search.namespace, doc_ids)
    if as_json:
        print_json(found)
        return
    say(f"ignored {len(found.doc_ids)} of {len(doc_ids)} documents")


@documents_app.command("open")
def open_original(
    doc_id: DocumentId,
    namespace: Namespace = None,
    launch: Launch = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Print where the original of a document lies; of an attachment, the file it came in."""
    from cluster.errors import UsageError
    from data_jobs.sources import source_path

    loaded = settings()
    with access(loaded, url) as corpus:
        document = corpus.document(namespace or loaded.search.namespace, doc_id)
    source = document.source.partition("#")[0]
    if not source.startswith("file:"):
        raise UsageError(f"{document.source} is no file on a disk; its uploader has the original.")
    path = source_path(source)
    if not path.exists():
        raise UsageError(f"{path} is not there any more, or lies on another machine.")
    if as_json:
        print_json({"doc_id": document.doc_id, "path": str(path)})
    else:
        say(str(path))
    if launch:
        typer.launch(str(path))


def _retry_there(
    loaded: "Settings", url: str, namespace: str, reason: str | None, doc_ids: list[str]
) -> None:
    from cluster.access.http import HttpAccess

    there = HttpAccess(url, loaded.api_key.get_secret_value(), timeout_s=60)
    try:
        job = there.retry(namespace, reason, doc_ids)
    finally:
        there.close()
    say(f"job {job.job_id}; `pmoves jobs show {job.job_id}` tells how far it is")


def _change(changes: list[str]) -> None:
    """Set what `--set` gives, as the environment does."""
    from cluster.errors import UsageError

    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set {change}: write it as ocr.languages=deu.")
        os.environ[f"PMOVES_INGEST__{name.strip().replace('.', '__').upper()}"] = value
