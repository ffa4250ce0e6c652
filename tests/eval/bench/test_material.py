"""What benchmarks measure with."""

from pathlib import Path

import pypdfium2

from eval.bench.ingest import read_with_pypdfium2
from eval.bench.material import distinct_queries, pages, passages
from eval.bench.pdf import write_text_pdf
from retrieval.query import SearchRequest


def test_queries_are_distinct_valid_and_repeatable() -> None:
    queries = distinct_queries(2_000, seed=3)
    assert len(set(queries)) == 2_000
    assert queries == distinct_queries(2_000, seed=3)
    assert queries != distinct_queries(2_000, seed=4)
    for query in queries:
        SearchRequest(query=query)


def test_there_is_enough_text() -> None:
    found = passages()
    assert len(found) > 300
    assert all(len(text.split()) <= 90 for text in found)


def test_pages_differ_by_seed() -> None:
    assert list(pages(3, 5, seed=1)) == list(pages(3, 5, seed=1))
    assert list(pages(3, 5, seed=1)) != list(pages(3, 5, seed=2))


def test_a_reader_gets_the_lines_back(tmp_path: Path) -> None:
    content = [[r"one (two) \three", "naïve café"], ["second page"]]
    write_text_pdf(tmp_path / "x.pdf", content)
    with pypdfium2.PdfDocument(tmp_path / "x.pdf") as document:
        texts = [page.get_textpage().get_text_bounded().splitlines() for page in document]
    assert texts == content


def test_bench_pages_have_text(tmp_path: Path) -> None:
    for number in range(3):
        write_text_pdf(tmp_path / f"{number}.pdf", list(pages(4, 50, seed=number)))
    assert read_with_pypdfium2(tmp_path) == 12
