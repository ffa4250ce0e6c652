"""Which sources are taken up again when quarantined documents are."""

from pathlib import Path

import pytest

from data_jobs.retrying import quarantined_items
from data_jobs.sources import Selection, source_uri
from retrieval.ids import document_id
from retrieval.jobs import JobRequest, JobStore, SourceItem
from tests.data_jobs.production import NAMESPACE, Production

pytestmark = pytest.mark.integration

BROKEN = b"\x00\x01\x02\xff" * 100


@pytest.fixture
def production(tmp_path: Path) -> Production:
    return Production(tmp_path / "home")


@pytest.fixture
def jobs(tmp_path: Path) -> JobStore:
    return JobStore(f"sqlite:///{tmp_path / 'state.db'}")


def wanted(*doc_ids: str, reason: str | None = None) -> JobRequest:
    return JobRequest(
        namespace=NAMESPACE, sources=[], retry_reason=reason, retry_documents=list(doc_ids)
    )


def items(production: Production, jobs: JobStore, roots: list[Path] | None = None) -> list[str]:
    found = quarantined_items(production.corpus, jobs, wanted(), Selection(roots=roots))
    return sorted(item.uri for item in found)


def test_files_come_back_with_their_metadata_and_are_mended(
    production: Production, jobs: JobStore, tmp_path: Path
) -> None:
    path = tmp_path / "a b.txt"
    path.write_bytes(BROKEN)
    production.run(SourceItem(uri=str(path), doc_id="own", metadata={"show": "x"}))
    again = quarantined_items(production.corpus, jobs, wanted(), Selection())
    assert again == [SourceItem(uri=source_uri(path), doc_id="own", metadata={"show": "x"})]
    path.write_text("Mended.")
    found = production.run(again=again)
    assert found["a%20b.txt"].outcome == "ready"
    row = production.corpus.document(NAMESPACE, "own")
    assert row is not None
    assert row.metadata["show"] == "x"
    assert items(production, jobs) == []


def test_an_attachment_stands_for_its_parent_which_is_forced(
    production: Production, jobs: JobStore, tmp_path: Path
) -> None:
    path = tmp_path / "letter.eml"
    path.write_bytes(
        b"From: a@b.c\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
        b"--B\r\nContent-Type: text/plain\r\n\r\nHello there.\r\n"
        b"--B\r\nContent-Type: application/octet-stream\r\n"
        b'Content-Disposition: attachment; filename="a.bin"\r\n\r\n\x01\x02\x03\xff\r\n--B--\r\n'
    )
    production.run(path)
    assert items(production, jobs) == [source_uri(path)]
    again = quarantined_items(production.corpus, jobs, wanted(), Selection())
    found = production.run(path, again=again)
    assert found["letter.eml"].outcome == "ready"
    assert found["letter.eml#attachment=a.bin"].outcome == "quarantined"
    assert production.run(path)["letter.eml"].outcome == "skipped"


def test_uploads_come_back_while_their_files_are_there(
    production: Production, jobs: JobStore, tmp_path: Path
) -> None:
    old, new = tmp_path / "0", tmp_path / "1"
    for path in (old, new):
        path.write_bytes(BROKEN)
        item = SourceItem(uri="upload:x.txt", path=str(path), name="x.txt")
        jobs.create(JobRequest(namespace=NAMESPACE, sources=[item], metadata={"n": path.name}))
        production.run(item)
    found = quarantined_items(production.corpus, jobs, wanted(), Selection(roots=[]))
    assert [(item.path, item.name, item.metadata) for item in found] == [
        (str(new), "x.txt", {"n": "1"})
    ]
    new.unlink()
    (again,) = quarantined_items(production.corpus, jobs, wanted(), Selection(roots=[]))
    assert again.path == str(old)
    old.unlink()
    assert items(production, jobs) == []


def test_files_outside_of_the_roots_stay(
    production: Production, jobs: JobStore, tmp_path: Path
) -> None:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_bytes(BROKEN)
        production.run(tmp_path / name)
    assert items(production, jobs, [tmp_path / "in"]) == [source_uri(tmp_path / "in" / "x.txt")]
    assert len(items(production, jobs)) == 2


def test_some_are_taken_up_by_reason_or_by_name_and_ignored_ones_by_name_only(
    production: Production, jobs: JobStore, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.txt").write_bytes(BROKEN)
    (folder / "b.pdf").write_bytes(b"%PDF-1.7 broken")
    (folder / "c.txt").touch()
    production.run(folder)
    corpus = production.corpus
    assert [(r.stage, r.type, r.count) for r in corpus.reasons([NAMESPACE])] == [
        ("parse", "EmptyDocumentError", 1),
        ("parse", "UnreadableFileError", 1),
        ("parse", "UnsupportedTypeError", 1),
    ]
    assert corpus.reasons(["other"]) == corpus.reasons([]) == []

    def names(request: JobRequest) -> list[str]:
        found = quarantined_items(corpus, jobs, request, Selection())
        return sorted(item.uri.rpartition("/")[2] for item in found)

    ids = {path.name: document_id(source_uri(path)) for path in folder.iterdir()}
    assert names(wanted(reason="UnreadableFileError")) == ["b.pdf"]
    assert names(wanted(ids["a.txt"], ids["c.txt"])) == ["a.txt", "c.txt"]
    assert names(wanted(ids["a.txt"], reason="EmptyDocumentError")) == []

    assert corpus.ignore(NAMESPACE, [ids["a.txt"], "nobody"]) == [ids["a.txt"]]
    assert corpus.ignore(NAMESPACE, [ids["a.txt"]]) == []
    assert names(wanted()) == ["b.pdf", "c.txt"]
    assert names(wanted(ids["a.txt"])) == ["a.txt"]
    assert production.run(folder, retry=True)["a.txt"].outcome == "skipped"
    assert production.row(source_uri(folder / "a.txt")).status == "ignored"
    (folder / "a.txt").write_text("Mended.")
    assert production.run(folder)["a.txt"].outcome == "ready"
