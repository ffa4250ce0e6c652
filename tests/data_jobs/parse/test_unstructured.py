"""The optional parser: what it says when it is not there."""

import importlib.util
from pathlib import Path

import pytest

from data_jobs.errors import IngestError, UnsupportedTypeError
from data_jobs.parse.registry import parse_file
from tests.data_jobs.parse.conftest import make_unstructured

INSTALLED = importlib.util.find_spec("unstructured") is not None


@pytest.mark.skipif(INSTALLED, reason="unstructured is installed")
@pytest.mark.usefixtures("no_programs")
def test_without_both_libreoffice_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(r"{\rtf1\ansi Notes.}")
    with pytest.raises(UnsupportedTypeError, match=r"apt-get install .*libreoffice-writer"):
        parse_file(path)


@pytest.mark.skipif(not INSTALLED, reason="unstructured is not installed")
@pytest.mark.usefixtures("no_programs")
def test_blocks_know_their_sheet(tmp_path: Path) -> None:
    (block,) = parse_file(make_unstructured(tmp_path).path)[1].blocks
    assert block.kind == "table"
    assert block.sheet == "Gear"
    assert block.text == "| Item | Qty |\n| --- | --- |\n| Mic | 2 |\n| Cable | 10 |"


@pytest.mark.skipif(not INSTALLED, reason="unstructured is not installed")
@pytest.mark.usefixtures("no_programs")
def test_its_own_errors_are_ingest_errors(tmp_path: Path) -> None:
    path = tmp_path / "broken.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"))
    with pytest.raises(IngestError, match="unstructured cannot read"):
        parse_file(path)
