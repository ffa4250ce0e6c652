"""What every parser must do, tried on a real file of its format."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data_jobs.errors import IngestError, LimitExceededError
from data_jobs.parse.base import ParseLimits
from data_jobs.parse.characters import clean_text
from data_jobs.parse.detect import detect_media_type
from data_jobs.parse.registry import PARSERS, parse_as, parse_file, parser_for

if TYPE_CHECKING:
    from tests.data_jobs.parse.conftest import Sample


def test_type_is_detected_by_content(sample: "Sample", tmp_path: Path) -> None:
    for name in ("file", "file.pdf", "file.txt", "file.png"):
        copy = tmp_path / "copies" / name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(sample.path.read_bytes())
        assert detect_media_type(copy) == sample.media_type, name


def test_parser_is_found_by_type(sample: "Sample") -> None:
    parser = parser_for(sample.media_type)
    assert parser.name == sample.parser
    assert parser.media_types == PARSERS[sample.parser].media_types


def test_texts_come_in_reading_order(sample: "Sample") -> None:
    text = "\n".join(block.text for block in sample.parse().blocks)
    places = [text.find(part) for part in sample.order]
    assert -1 not in places, text
    assert places == sorted(places)


def test_title(sample: "Sample") -> None:
    assert sample.parse().title == sample.title


def test_text_is_valid_and_blocks_are_not_empty(sample: "Sample") -> None:
    document = sample.parse()
    for text in (*(block.text for block in document.blocks), document.title or ""):
        assert text == clean_text(text)
        text.encode("utf-8")
    assert all(block.text.strip() for block in document.blocks)
    assert all((block.level > 0) == (block.kind == "heading") for block in document.blocks)


def test_same_file_gives_same_document(sample: "Sample") -> None:
    assert sample.parse() == sample.parse()


def test_parse_file_detects_and_parses(sample: "Sample") -> None:
    assert parse_file(sample.path) == (sample.media_type, sample.parse())


def test_cut_off_files_raise_ingest_errors_only(sample: "Sample") -> None:
    data = sample.path.read_bytes()
    for cut in {1, 7, len(data) // 3, len(data) // 2, len(data) - 9, len(data) - 1}:
        sample.path.write_bytes(data[:cut])
        assert has_content_or_is_refused(sample)


def test_garbage_raises_ingest_errors_only(sample: "Sample") -> None:
    data = sample.path.read_bytes()
    dice = random.Random(7)
    for _ in range(12):
        damaged = bytearray(data)
        for _ in range(1 + len(data) // 100):
            damaged[dice.randrange(len(data))] = dice.randrange(256)
        sample.path.write_bytes(bytes(damaged))
        assert has_content_or_is_refused(sample)
    for junk in (b"", b"\x00" * 100, dice.randbytes(2_000), b"\xff\xfe\x00\xd8A\x00"):
        sample.path.write_bytes(junk)
        assert has_content_or_is_refused(sample)


def has_content_or_is_refused(sample: "Sample") -> bool:
    """Parse; any error but an `IngestError` fails the test."""
    try:
        document = sample.parse()
    except IngestError:
        return True
    return bool(document.blocks or document.attachments)


def test_limit_on_characters(sample: "Sample") -> None:
    size = sum(len(block.text) for block in sample.parse().blocks)
    with pytest.raises(LimitExceededError, match="characters"):
        sample.parse(ParseLimits(max_characters=size // 2))


def test_limit_on_file_size(sample: "Sample") -> None:
    size = sample.path.stat().st_size
    assert parse_file(sample.path, ParseLimits(max_file_bytes=size))
    with pytest.raises(LimitExceededError, match="bytes"):
        parse_file(sample.path, ParseLimits(max_file_bytes=size - 1))


@pytest.mark.parametrize("name", ["pdf", "pptx", "xlsx"])
def test_limit_on_pages(make_sample: Callable[[str], "Sample"], name: str) -> None:
    sample = make_sample(name)
    assert sample.parse(ParseLimits(max_pages=2)).pages == 2
    with pytest.raises(LimitExceededError, match="2 pages"):
        sample.parse(ParseLimits(max_pages=1))


@pytest.mark.parametrize("name", ["docx", "pptx", "xlsx", "epub"])
def test_limit_on_expanded_size(make_sample: Callable[[str], "Sample"], name: str) -> None:
    sample = make_sample(name)
    with pytest.raises(LimitExceededError, match="unpack"):
        sample.parse(ParseLimits(max_expanded_bytes=500))


def test_missing_file(sample: "Sample") -> None:
    sample.path.unlink()
    missing = replace(sample, path=sample.path.with_name("missing"))
    with pytest.raises(IngestError):
        parse_file(missing.path)
    with pytest.raises(IngestError):
        parse_as(missing.path, missing.media_type, ParseLimits())
