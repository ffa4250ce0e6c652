"""CSV, TSV, JSON and JSON Lines."""

import csv
import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_jobs.errors import IngestError, UnreadableFileError
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.characters import clean_text
from data_jobs.parse.delimiters import sniff_delimiter
from data_jobs.parse.json_values import add_json
from data_jobs.parse.tabular import TabularParser

ParseBytes = Callable[[bytes, str], ParsedDocument]


def texts(document: ParsedDocument) -> list[str]:
    return [block.text for block in document.blocks]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_sniffed(parse_bytes: ParseBytes, delimiter: str) -> None:
    rows = ["item", "price"], ["Mic", "199"], ['Cable, "long"; red', "9"]
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows(rows)
    assert texts(parse_bytes(file.getvalue().encode(), "text/csv")) == [
        '| item | price |\n| --- | --- |\n| Mic | 199 |\n| Cable, "long"; red | 9 |'
    ]


def test_prose_has_no_delimiter() -> None:
    assert sniff_delimiter("One, two, three.\nNo comma here\nAnd one, here\n") is None


def test_blocks_repeat_the_header(parse_bytes: ParseBytes) -> None:
    data = "id,name\n" + "".join(f"{i},row {i}\n" for i in range(101))
    blocks = texts(parse_bytes(data.encode(), "text/csv"))
    assert [block.count("\n") - 1 for block in blocks] == [50, 50, 1]
    assert all(block.startswith("| id | name |\n") for block in blocks)


def test_rows_without_a_header(parse_bytes: ParseBytes) -> None:
    (block,) = texts(parse_bytes(b"1,Mic\n2,Cable\n", "text/csv"))
    assert block.startswith("| column 1 | column 2 |\n| --- | --- |\n| 1 | Mic |")


def test_long_rows_become_records(parse_bytes: ParseBytes) -> None:
    data = "id,text\n" + "".join(f'{i},"{"long words " * 60}"\n' for i in range(2))
    blocks = texts(parse_bytes(data.encode(), "text/csv"))
    assert [block[:18] for block in blocks] == ["id: 0\ntext: long w", "id: 1\ntext: long w"]


def test_quote_that_is_never_closed(parse_bytes: ParseBytes) -> None:
    data = 'a,b\n"open,1\n' + "x,y\n" * 50_000
    assert len(texts(parse_bytes(data.encode(), "text/csv"))) == 1_001


def test_json_records_and_values(parse_bytes: ParseBytes) -> None:
    value = {
        "title": "Show",
        "host": {"name": "Ada", "links": [{"url": "x"}, {"url": "y"}]},
        "tags": ["a", 1, None, True],
        "episodes": [{"no": 1, "guest": "Bob"}, {"no": 2, "live": False}],
    }
    document = parse_bytes(json.dumps(value).encode(), "application/json")
    assert document.title == "Show"
    assert texts(document) == [
        "title: Show\nhost.name: Ada\nhost.links[0].url: x\nhost.links[1].url: y\ntags: a, 1, true",
        "episodes:",
        "| no | guest | live |\n| --- | --- | --- |\n| 1 | Bob |  |\n| 2 |  | false |",
    ]


def test_json_lines_name_the_broken_line(parse_bytes: ParseBytes) -> None:
    good = b'{"q": "why", "a": "because"}\n\n{"q": "how"}\n'
    assert texts(parse_bytes(good, "application/x-ndjson")) == [
        "| q | a |\n| --- | --- |\n| why | because |\n| how |  |"
    ]
    with pytest.raises(UnreadableFileError, match="Line 4"):
        parse_bytes(good + b'{"q": \n', "application/x-ndjson")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 10_000])
def test_hostile_json(parse_bytes: ParseBytes, text: str) -> None:
    with pytest.raises(IngestError):
        parse_bytes(text.encode(), "application/json")


def test_lone_surrogates_in_json(parse_bytes: ParseBytes) -> None:
    (text,) = texts(parse_bytes(rb'{"a\ud800": "b\udc00\u0000"}', "application/json"))
    assert text == "a\ufffd: b\ufffd"


@given(st.text(max_size=300), st.sampled_from(["text/csv", "text/tab-separated-values"]))
def test_any_text_as_csv(tmp_path_factory: pytest.TempPathFactory, text: str, kind: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(text, "utf-8", newline="")
    try:
        document = TabularParser().parse(path, kind, ParseLimits())
    except IngestError:
        return
    for block in document.blocks:
        assert block.text == clean_text(block.text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_any_json_value(value: object) -> None:
    builder = DocumentBuilder(ParseLimits())
    add_json(builder, value)
    for block in builder.blocks:
        assert block.text == clean_text(block.text)
