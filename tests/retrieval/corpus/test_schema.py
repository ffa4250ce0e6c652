import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrieval.chunk import Chunk, Document
from retrieval.corpus.schema import (
    chunk_hash,
    chunks_to_table,
    documents_to_table,
    from_json,
    row_to_chunk,
    row_to_document,
    to_json,
)
from retrieval.errors import InvalidInputError
from tests.retrieval.building import make_chunk
from tests.retrieval.strategies import chunks, documents, metadata

Stored = Callable[[pa.Table], list[dict[str, object]]]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """Writes a table to disk and reads its rows back."""
    folder: Path = tmp_path_factory.mktemp("tables")

    def write_and_read(table: pa.Table) -> list[dict[str, object]]:
        dataset = lance.write_dataset(table, str(folder / "t.lance"), mode="overwrite")
        rows: list[dict[str, object]] = dataset.to_table().to_pylist()
        return rows

    return write_and_read


@pytest.mark.integration
@given(st.lists(chunks, min_size=1, max_size=5))
@example([make_chunk("d-1", "NUL \x00 and 😀", note="\x00", deep={"ä": [1, None, "\u2028"]})])
def test_chunks_come_back_as_they_were(stored: Stored, given_chunks: list[Chunk]) -> None:
    vectors = np.ones((len(given_chunks), 4), np.float32)
    rows = stored(chunks_to_table(given_chunks, vectors))
    assert [row_to_chunk(row) for row in rows] == given_chunks
    assert [row["vector"] for row in rows] == vectors.tolist()


@pytest.mark.integration
@given(st.lists(documents, min_size=1, max_size=5))
def test_documents_come_back_as_they_were(stored: Stored, rows: list[Document]) -> None:
    assert [row_to_document(row) for row in stored(documents_to_table(rows))] == rows


@given(chunks, chunks)
def test_equal_chunks_have_equal_hashes_and_others_do_not(one: Chunk, other: Chunk) -> None:
    assert chunk_hash(one) == chunk_hash(replace(one, metadata=dict(one.metadata)))
    assert (chunk_hash(one) == chunk_hash(other)) == (one == other)


def test_every_field_of_a_chunk_counts_for_its_hash() -> None:
    chunk = make_chunk("d-1", "text")
    other = make_chunk("e-2", "other", "ns2", title="t")
    changes: dict[str, Any] = {
        "position": 1,
        "context": "c",
        "section_id": "s",
        "title": "t",
        "media_type": "text/html",
        "locator": replace(chunk.locator, page=1),
    }
    for field in fields(Chunk):
        value: Any = changes.get(field.name, getattr(other, field.name))
        assert chunk_hash(replace(chunk, **{field.name: value})) != chunk_hash(chunk), field.name


def test_the_border_between_context_and_text_counts() -> None:
    chunk = make_chunk("d-1", "b\nc")
    moved = replace(chunk, context="b", text="c")
    assert moved.indexed_text == chunk.indexed_text
    assert chunk_hash(moved) != chunk_hash(chunk)


@given(metadata)
def test_json_does_not_depend_on_the_order_of_keys(values: dict[str, object]) -> None:
    backwards = dict(reversed(values.items()))
    assert to_json(backwards) == to_json(values)  # type: ignore[arg-type]
    assert from_json(to_json(values)) == values  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_know_are_refused(value: float) -> None:
    with pytest.raises(InvalidInputError, match="cannot be stored as JSON"):
        to_json({"x": value})


@pytest.mark.parametrize("chunk", [make_chunk("d-1", "\ud800"), make_chunk("d-1", "t", x="\ud800")])
def test_text_that_is_not_unicode_is_refused_by_name(chunk: Chunk) -> None:
    with pytest.raises(InvalidInputError, match="the chunk 'd-1' holds text that is not valid"):
        chunk_hash(chunk)


def test_documents_that_are_not_unicode_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="not valid Unicode"):
        documents_to_table([Document("ns", "d", "file:///\udcff", "ready")])


def test_no_text_is_an_empty_object() -> None:
    assert from_json(None) == {}
    assert from_json("") == {}
