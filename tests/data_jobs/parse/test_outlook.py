"""Outlook messages."""

from pathlib import Path

import pytest

from data_jobs.errors import IngestError
from data_jobs.parse.registry import parse_file
from tests.data_jobs.parse.outlook_file import write_message


@pytest.fixture
def message(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    # An old Word file inside must not make the message one.
    word = b"\xd0\xcf\x11\xe0" + bytes(500) + "WordDocument".encode("utf-16-le")
    files = {"gear.csv": b"Item,Qty\nMic,2\n", "../old.doc": word}
    write_message(path, "Besprechung für Montag", "Hello Bob,\r\n\r\nat ten.", files)
    return path


def test_headers_text_and_attachments(message: Path) -> None:
    media_type, document = parse_file(message)
    assert media_type == "application/vnd.ms-outlook"
    assert document.title == "Besprechung für Montag"
    text = "\n".join(block.text for block in document.blocks)
    for part in ("From:", "ada@x.example", "To: Bob <bob@x.example>", "Hello Bob", "at ten."):
        assert part in text
    assert [each.name for each in document.attachments] == ["gear.csv", "_old.doc"]
    assert document.attachments[0].data == b"Item,Qty\nMic,2\n"


def test_damaged_messages_raise_ingest_errors_only(message: Path) -> None:
    data = message.read_bytes()
    for cut in (600, len(data) // 2, len(data) - 700):
        message.write_bytes(data[:cut])
        with pytest.raises(IngestError):
            parse_file(message)
