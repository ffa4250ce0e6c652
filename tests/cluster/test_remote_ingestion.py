"""Ingestion over HTTP: which files travel together, and under which name."""

from pathlib import Path

import pytest

from cluster.access.http import HttpAccess
from cluster.errors import UsageError
from cluster.ingestion.remote import ingest_remotely, parcels
from data_jobs.errors import SourceError
from data_jobs.sources import SourceFile, source_uri
from retrieval.ids import document_id
from retrieval.jobs import JobRequest, SourceItem


def files(folder: Path, *names: str) -> list[SourceFile]:
    found = []
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        found.append(SourceFile(source_uri(path), path))
    return found


def test_files_of_one_name_travel_alone_under_their_own_ids(tmp_path: Path) -> None:
    first, other, second = files(tmp_path, "a/notes.md", "b.md", "c/notes.md")
    sent = {parcel.doc_id: parcel.files for parcel in parcels([first, other, second])}
    assert sent == {
        document_id(first.uri): [first.path],
        document_id(second.uri): [second.path],
        None: [other.path],
    }


def test_many_files_go_in_several_uploads(tmp_path: Path) -> None:
    many = files(tmp_path, *(f"{number}.txt" for number in range(450)))
    sent = list(parcels(many))
    assert [len(parcel.files) for parcel in sent] == [200, 200, 50]
    assert [path for parcel in sent for path in parcel.files] == [file.path for file in many]


def test_what_is_not_there_is_named_before_anything_is_sent(home: Path) -> None:
    access = HttpAccess("http://127.0.0.1:9")
    request = JobRequest(namespace="pmoves", sources=[SourceItem(uri=str(home / "nix"))])
    with pytest.raises(SourceError, match="nix"):
        ingest_remotely(access, request, lambda jobs: None)
    with pytest.raises(UsageError, match="--retry-quarantined"):
        ingest_remotely(
            access, request.model_copy(update={"retry_quarantined": True}), lambda jobs: None
        )
    access.close()
