"""Source code: parts, lines, languages."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_jobs.parse.base import ParsedDocument
from data_jobs.parse.code import Part, _filled
from data_jobs.parse.languages import language_of
from data_jobs.parse.registry import parse_file
from tests.data_jobs.parse.conftest import CODE

ParseBytes = Callable[[bytes, str], ParsedDocument]


def headings(document: ParsedDocument) -> list[tuple[str, int]]:
    return [(block.text, block.level) for block in document.blocks if block.kind == "heading"]


def test_python_is_parted_by_its_functions_and_classes(parse_bytes: ParseBytes) -> None:
    document = parse_bytes(CODE.encode(), "text/x-python")
    assert headings(document) == [
        ("Lines 1–8", 1),
        ("level (lines 9–11)", 1),
        ("Mixer (lines 14–18)", 1),
        ("Mixer.add (lines 19–20)", 2),
    ]
    assert document.metadata == {"language": "python"}
    code = [block.text for block in document.blocks if block.kind == "code"]
    assert code[1].startswith("@cached\ndef level")


@pytest.mark.parametrize("text", ["def f(:\n  pass\n", "print 'two'\n", "(" * 100_000])
def test_python_that_does_not_compile_is_read_by_lines(parse_bytes: ParseBytes, text: str) -> None:
    document = parse_bytes(("# note\n" + text).encode(), "text/x-python")
    assert document.blocks[0].text.startswith("Lines 1–")


def test_other_languages_are_read_by_runs_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "main.rs"
    path.write_text("".join(f"let a{number} = {number};\n" for number in range(1, 131)))
    media_type, document = parse_file(path)
    assert (media_type, document.metadata) == ("text/x-code", {"language": "rust"})
    assert headings(document) == [("Lines 1–60", 1), ("Lines 61–120", 1), ("Lines 121–131", 1)]


@pytest.mark.parametrize(
    ("text", "suffix", "language"),
    [
        ("#!/usr/bin/python3.11\n", "", "python"),
        ("#!/usr/bin/env node\n", ".txt", "javascript"),
        ("#!/opt/odd\n", ".go", "go"),
        ("x", ".TSX", "typescript"),
        ("x", ".txt", None),
        ("x", "", None),
    ],
)
def test_languages(text: str, suffix: str, language: str | None) -> None:
    assert language_of(text, suffix) == language


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 200)), max_size=8))
def test_every_line_is_in_exactly_one_part(sizes: list[tuple[int, int]]) -> None:
    at, parts = 1, []
    for gap, size in sizes:
        parts.append(Part("f", 1, at + gap, at + gap + size))
        at += gap + size + 1
    count = at + 5
    lines = [n for part in _filled(parts, count) for n in range(part.first, part.last + 1)]
    assert lines == list(range(1, count + 1))
