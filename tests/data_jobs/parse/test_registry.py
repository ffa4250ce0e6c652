"""The way of a file: detection, parser, limits, errors."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from data_jobs.errors import (
    EmptyDocumentError,
    IngestError,
    LimitExceededError,
    SetAsideError,
    UnreadableFileError,
    UnsupportedTypeError,
)
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.registry import PARSERS, parse_file, parser_for, supported_media_types
from data_jobs.parse.text import TextParser

if TYPE_CHECKING:
    from tests.data_jobs.parse.conftest import Sample

HEAVY = "charset_normalizer docx lxml openpyxl pptx puremagic pypdfium2 trafilatura unstructured"


def test_parsers_are_imported_on_first_use() -> None:
    code = (
        "import sys, data_jobs.parse.registry\n"
        f"print(sorted(set({HEAVY.split()!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_takes_long_is_set_aside_unless_its_turn_has_come(tmp_path: Path) -> None:
    path = tmp_path / "two.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "Text.")
    with pytest.raises(SetAsideError):
        parse_file(path, ParseLimits(slow=False))
    document = parse_file(path, ParseLimits(scratch=str(tmp_path)))[1]
    assert [attachment.name for attachment in document.attachments] == ["a.txt"]


def test_each_type_has_one_parser() -> None:
    types = [media_type for entry in PARSERS.values() for media_type in entry.media_types]
    assert len(types) == len(set(types))
    assert supported_media_types() <= set(types)


def test_parameters_and_case_of_a_type_do_not_matter() -> None:
    assert parser_for("Text/HTML; charset=utf-8").name == "html"


@pytest.mark.parametrize(
    ("media_type", "advice"),
    [
        ("audio/amr", "captions"),
        ("application/x-new", "Convert"),
    ],
)
def test_unsupported_type_is_named_with_advice(media_type: str, advice: str) -> None:
    with pytest.raises(UnsupportedTypeError, match=f"{media_type}.*{advice}"):
        parser_for(media_type)


@pytest.mark.parametrize("data", [b"", b" \n\t\n", b"***\n\n---\n"])
def test_files_without_text(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "empty.txt"
    path.write_bytes(data)
    with pytest.raises(EmptyDocumentError):
        parse_file(path)


def test_encrypted_office_file(tmp_path: Path) -> None:
    path = tmp_path / "locked.docx"
    magic = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    path.write_bytes(magic + bytes(600) + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(UnreadableFileError, match="password"):
        parse_file(path)


def test_folder_and_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UnreadableFileError, match="cannot be read"):
            parse_file(path)


@pytest.mark.parametrize(
    ("raised", "expected", "words"),
    [
        (MemoryError(), LimitExceededError, "memory"),
        (RecursionError(), UnreadableFileError, "nested"),
        (KeyError("x"), UnreadableFileError, "text parser.*KeyError"),
        (EmptyDocumentError("said so"), EmptyDocumentError, "said so"),
    ],
)
def test_what_escapes_a_parser_becomes_a_sentence(
    make_sample: Callable[[str], "Sample"],
    monkeypatch: pytest.MonkeyPatch,
    raised: Exception,
    expected: type[IngestError],
    words: str,
) -> None:
    def fail(*_: object) -> ParsedDocument:
        raise raised

    monkeypatch.setattr(TextParser, "parse", fail)
    with pytest.raises(expected, match=words):
        parse_file(make_sample("text").path, ParseLimits())
