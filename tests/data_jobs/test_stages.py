"""Documents on their way through all stages, over real files and a real corpus."""

from email.message import EmailMessage
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from data_jobs.errors import SandboxError
from data_jobs.sources import source_uri
from data_jobs.stages.attachments import attachment_uri
from data_jobs.stages.records import NEEDS_OCR
from retrieval.ids import document_id
from retrieval.jobs import SourceItem
from tests.data_jobs.production import NAMESPACE, Production

pytestmark = pytest.mark.integration

OBEY = "tests.data_jobs.hostile_parsers:obey"
NOTES = "# Lighting\n\nThe key light stands left.\n\n# Sound\n\nTwo microphones are enough.\n"


@pytest.fixture
def production(tmp_path: Path) -> Production:
    return Production(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "the files"
    folder.mkdir()
    (folder / "notes.md").write_text(NOTES)
    (folder / "plan.txt").write_text("We record on Monday.")
    return folder


def mail(*attachments: tuple[str, bytes], subject: str = "Cables") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@b.org", "c@d.org", subject
    message.set_content("See what is attached.")
    for name, data in attachments:
        message.add_attachment(data, "application", "octet-stream", filename=name)
    return message.as_bytes()


def test_files_become_ready_documents(production: Production, folder: Path) -> None:
    found = production.run(folder)
    assert {name: each.outcome for name, each in found.items()} == {
        "notes.md": "ready",
        "plan.txt": "ready",
    }
    row = production.row(source_uri(folder / "notes.md"))
    assert (row.status, row.stage, row.media_type, row.chunks) == (
        "ready",
        "commit",
        "text/markdown",
        2,
    )
    assert (row.attempts, row.size_bytes, row.error) == (1, len(NOTES), None)
    assert set(row.timings) == {"read", "parse", "chunk", "embed"}
    assert production.texts() == [
        "Lighting\nThe key light stands left.",
        "Sound\nTwo microphones are enough.",
        "We record on Monday.",
    ]
    assert production.monitor.tally.complete
    assert {production.monitor.tally.counts[name] for name in row.timings} == {2}


def test_unchanged_files_are_skipped_without_the_model(
    production: Production, folder: Path
) -> None:
    production.run(folder)
    version = production.corpus.version
    found = production.run(folder)
    assert {each.outcome for each in found.values()} == {"skipped"}
    assert production.embedder is None
    assert production.corpus.version == version


def test_a_setting_for_some_files_has_these_read_again_once(
    production: Production, folder: Path
) -> None:
    canvas = Canvas(str(folder / "bill.pdf"))
    canvas.drawString(72, 700, "The bill of the harbour, which nobody has paid.")
    canvas.save()
    production.run(folder)
    changed = Production(production.settings.home, ingest={"pdf": {"running_lines": True}})
    for expected in ("ready", "skipped"):
        found = changed.run(folder)
        assert found["bill.pdf"].outcome == expected
        assert {found[name].outcome for name in ("notes.md", "plan.txt")} == {"skipped"}


def test_a_changed_file_loses_its_stale_chunks_and_embeds_only_what_is_new(
    production: Production, folder: Path
) -> None:
    production.run(folder)
    changed = NOTES.replace("Two microphones are enough.", "One microphone will do.")
    (folder / "notes.md").write_text(changed + "\n# Crew\n\nThree people.\n")
    found = production.run(folder)
    assert found["notes.md"].outcome == "ready"
    assert found["plan.txt"].outcome == "skipped"
    assert [text.rpartition("\n")[2] for text in production.embedded] == [
        "One microphone will do.",
        "Three people.",
    ]
    assert production.texts() == [
        "Crew\nThree people.",
        "Lighting\nThe key light stands left.",
        "Sound\nOne microphone will do.",
        "We record on Monday.",
    ]
    (folder / "notes.md").write_text("# Lighting\n\nThe key light stands left.\n")
    assert production.run(folder)["notes.md"].chunks == 1
    assert len(production.texts()) == 2


def test_other_metadata_or_settings_make_a_document_new(
    production: Production, folder: Path, tmp_path: Path
) -> None:
    production.run(folder)
    tagged = SourceItem(uri=str(folder), metadata={"show": "Two lights"})
    assert {each.outcome for each in production.run(tagged).values()} == {"ready"}
    assert production.row(source_uri(folder / "plan.txt")).metadata["show"] == "Two lights"
    smaller = Production(tmp_path / "home", chunking={"size": 100})
    assert {each.outcome for each in smaller.run(tagged).values()} == {"ready"}


def test_a_damaged_update_keeps_the_last_good_version(production: Production, folder: Path) -> None:
    production.run(folder)
    (folder / "plan.txt").write_bytes(b"\x00\x01\x02\xff" * 500)
    found = production.run(folder)["plan.txt"]
    assert (found.outcome, found.stage, found.type) == (
        "quarantined",
        "parse",
        "UnsupportedTypeError",
    )
    row = production.row(source_uri(folder / "plan.txt"))
    assert (row.status, row.chunks, row.attempts) == ("quarantined", 1, 1)
    assert row.error is not None
    assert "octet-stream" in row.error.message
    assert "We record on Monday." in production.texts()


def test_quarantined_documents_wait_for_a_change_or_a_retry(
    production: Production, folder: Path
) -> None:
    (folder / "plan.txt").write_bytes(b"%PDF-1.7 broken")
    production.run(folder)
    first = production.row(source_uri(folder / "plan.txt"))
    again = production.run(folder)["plan.txt"]
    assert (again.outcome, again.type) == ("quarantined", "UnreadableFileError")
    assert production.row(source_uri(folder / "plan.txt")) == first
    production.run(folder, retry=True)
    assert production.row(source_uri(folder / "plan.txt")).attempts == 2
    (folder / "plan.txt").write_text("Mended.")
    assert production.run(folder)["plan.txt"].outcome == "ready"
    row = production.row(source_uri(folder / "plan.txt"))
    assert (row.status, row.attempts, row.error) == ("ready", 1, None)


def test_attachments_become_children_that_go_with_their_parent(
    production: Production, folder: Path
) -> None:
    deepest = mail(("too deep.txt", b"Nobody gets here."), subject="Third")
    inner = mail(("more.eml", deepest), ("list.txt", b"Ten metres of cable."), subject="Second")
    path = folder / "letter.eml"
    path.write_bytes(mail(("list.txt", b"Five metres."), ("list.txt", b"Six."), ("in.eml", inner)))
    found = production.run(path)
    uri = source_uri(path)
    assert {name: each.outcome for name, each in found.items()} == {
        "letter.eml": "ready",
        "letter.eml#attachment=list.txt": "ready",
        "letter.eml#attachment=list.txt%20%282%29": "ready",
        "letter.eml#attachment=in.eml": "ready",
        "list.txt": "ready",
        "more.eml": "ready",
        "too%20deep.txt": "quarantined",
    }
    child = attachment_uri(uri, "in.eml")
    assert production.row(child).parent_id == document_id(uri)
    assert production.row(attachment_uri(child, "list.txt")).parent_id == document_id(child)
    assert found["too%20deep.txt"].type == "LimitExceededError"
    assert production.monitor.tally.counts["attachments"] == 6

    path.write_bytes(mail(("list.txt", b"Seven metres.")))
    production.run(path)
    assert [text.splitlines()[-1] for text in production.texts()] == [
        "See what is attached.",
        "Seven metres.",
    ]
    for gone in (child, attachment_uri(child, "list.txt"), attachment_uri(uri, "list.txt (2)")):
        assert production.row(gone).status == "deleted"
    assert production.row(attachment_uri(uri, "list.txt")).status == "ready"


def test_sources_that_are_not_there_are_quarantined_by_name(
    production: Production, folder: Path
) -> None:
    found = production.run(folder, folder / "missing.pdf", "gopher://bucket/x")
    assert (found["missing.pdf"].outcome, found["missing.pdf"].stage) == ("quarantined", "list")
    assert found["x"].type == "SourceError"
    assert found["plan.txt"].outcome == "ready"
    assert production.row(source_uri(folder / "missing.pdf")).status == "quarantined"


def test_a_file_that_vanishes_or_is_too_large_is_named(tmp_path: Path, folder: Path) -> None:
    production = Production(tmp_path / "home", ingest={"max_file_bytes": 50})
    (folder / "link.txt").symlink_to(folder / "gone.txt")
    upload = SourceItem(uri="upload:gone.txt", path=str(folder / "gone.txt"))
    found = production.run(folder, upload)
    assert found["notes.md"].type == "LimitExceededError"
    assert "PMOVES_INGEST__MAX_FILE_BYTES" in (found["notes.md"].message or "")
    assert found["upload:gone.txt"].type == "SourceError"
    assert found["plan.txt"].outcome == "ready"


def test_an_upload_is_known_by_its_uri_and_name(production: Production, tmp_path: Path) -> None:
    (tmp_path / "0").write_text(NOTES)
    item = SourceItem(
        uri="upload:n.md", path=str(tmp_path / "0"), doc_id="own", name="n.md", metadata={"a": 1}
    )
    assert production.run(item)["upload:n.md"].doc_id == "own"
    row = production.corpus.document(NAMESPACE, "own")
    assert row is not None
    assert (row.source, row.media_type) == ("upload:n.md", "text/markdown")
    assert row.metadata["a"] == 1


def test_a_crash_or_a_hang_costs_one_document(tmp_path: Path, folder: Path) -> None:
    production = Production(tmp_path / "home", OBEY, ingest={"parse_seconds": 5})
    (folder / "notes.md").unlink()
    for name in ("segfault", "sleep", "say fine", "exit 3"):
        (folder / f"{name}.txt").write_text(name)
    (folder / "plan.txt").write_text("fail empty")
    found = production.run(folder)
    assert {name: each.type for name, each in found.items()} == {
        "exit%203.txt": "ParserCrashedError",
        "plan.txt": "EmptyDocumentError",
        "say%20fine.txt": None,
        "segfault.txt": "ParserCrashedError",
        "sleep.txt": "LimitExceededError",
        "say%20fine.txt#attachment=a.bin": "UnreadableFileError",
    }
    row = production.row(source_uri(folder / "say fine.txt"))
    assert row.metadata[NEEDS_OCR] == [2]
    assert found["say%20fine.txt"].needs_ocr == 1


def test_parsers_that_do_not_start_end_the_job(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(SandboxError):
        Production(tmp_path / "home", "data_jobs.nowhere:parse").run(folder)


def test_a_document_that_cannot_be_committed_is_told_from_its_neighbours(
    production: Production, folder: Path
) -> None:
    (folder / "odd.txt").write_text("This is unspeakable.")
    found = production.run(folder)
    assert (found["odd.txt"].outcome, found["odd.txt"].stage) == ("quarantined", "commit")
    assert {found[name].outcome for name in ("notes.md", "plan.txt")} == {"ready"}
    assert len(production.texts()) == 3


def test_metadata_that_no_json_can_hold_costs_one_document(tmp_path: Path, folder: Path) -> None:
    production = Production(tmp_path / "home", OBEY)
    (folder / "notes.md").write_text("nan")
    (folder / "plan.txt").write_text("say fine")
    found = production.run(folder)
    assert (found["notes.md"].stage, found["plan.txt"].outcome) == ("chunk", "ready")
    assert "ValueError" in (found["notes.md"].message or "")


def test_the_same_document_twice_in_a_job_is_written_once(
    production: Production, folder: Path
) -> None:
    plan = SourceItem(uri=source_uri(folder / "plan.txt"))
    upload = SourceItem(uri="upload:p", path=str(folder / "notes.md"), doc_id="same")
    other = upload.model_copy(update={"uri": "upload:q", "path": str(folder / "plan.txt")})
    found = production.run(plan, upload, other)
    assert {each.outcome for each in found.values()} == {"ready"}
    assert production.texts() == ["We record on Monday."] * 2


def test_a_stopped_job_ends_with_what_is_done(production: Production, folder: Path) -> None:
    production.run(folder / "plan.txt")
    production.monitor.stop()
    assert production.run(folder) == {}
    production.monitor.tally.stopping = False
    assert production.run(folder)["notes.md"].outcome == "ready"


def test_documents_in_flight_when_a_job_stops_are_left_as_they_were(
    production: Production, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False] * 4)
    monkeypatch.setattr(production.monitor, "stopping", lambda: next(answers, True))
    found = production.run(folder)
    assert {each.outcome for each in found.values()} == {"stopped"}
    assert production.corpus.documents([NAMESPACE]).documents == []


def test_every_kind_of_damage_in_one_folder_leaves_the_rest(
    production: Production, folder: Path
) -> None:
    (folder / "empty.txt").touch()
    (folder / "null.txt").write_bytes(b"\x00" * 10_000)
    (folder / "cut.docx").write_bytes(b"PK\x03\x04" + b"word/" * 100)
    (folder / "locked.pdf").write_bytes(b"%PDF-1.4\n%%EOF")
    found = production.run(folder)
    damaged = {name for name, each in found.items() if each.outcome == "quarantined"}
    assert damaged == {"empty.txt", "null.txt", "cut.docx", "locked.pdf"}
    assert all(len(found[name].message or "") > 15 for name in damaged)
    assert len(production.texts()) == 3
