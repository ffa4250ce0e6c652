"""The optional parser: what it says when it is not there."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data_jobs.errors import IngestError, UnsupportedTypeError
from data_jobs.parse.registry import parse_file, supported_media_types

if TYPE_CHECKING:
    from tests.data_jobs.parse.conftest import Sample

INSTALLED = importlib.util.find_spec("unstructured") is not None


@pytest.mark.skipif(INSTALLED, reason="unstructured is installed")
def test_missing_package_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(r"{\rtf1\ansi Notes.}")
    with pytest.raises(UnsupportedTypeError, match=r"pmoves-mesh\[unstructured\]"):
        parse_file(path)
    assert "application/rtf" not in supported_media_types()


@pytest.mark.skipif(not INSTALLED, reason="unstructured is not installed")
def test_blocks_know_their_sheet(make_sample: Callable[[str], "Sample"]) -> None:
    assert "application/vnd.ms-excel" in supported_media_types()
    (block,) = parse_file(make_sample("unstructured").path)[1].blocks
    assert block.kind == "table"
    assert block.sheet == "Gear"
    assert block.text == "| Item | Qty |\n| --- | --- |\n| Mic | 2 |\n| Cable | 10 |"


@pytest.mark.skipif(not INSTALLED, reason="unstructured is not installed")
def test_its_own_errors_are_ingest_errors(tmp_path: Path) -> None:
    path = tmp_path / "broken.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"))
    with pytest.raises(IngestError, match="unstructured cannot read"):
        parse_file(path)
