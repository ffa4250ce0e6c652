"""The OCR benchmark around readers that count the pages of what they are given."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image

from eval.bench.ocr import OcrPlan, bench_ocr
from eval.errors import EvaluationError

PLAN = OcrPlan(files=2, pages_per_file=3, rounds=2)


def silent(stage: str, done: int, total: int) -> None:
    """Say nothing."""


@pytest.mark.integration
def test_both_read_the_same_pages() -> None:
    sizes: set[tuple[int, ...]] = set()

    def scans(paths: Sequence[Path]) -> int:
        found = 0
        for path in paths:
            with pypdfium2.PdfDocument(path) as document:
                found += len(document)
                sizes.add(tuple(round(side) for side in document[0].get_size()))
        return found

    def pictures(paths: Sequence[Path]) -> int:
        for path in paths:
            with Image.open(path) as image:
                assert image.convert("L").getextrema() == (0, 255)
        return len(paths)

    report = bench_ocr(PLAN, lambda: nullcontext(scans), pictures, silent)
    assert sizes == {(595, 842)}
    assert (report.pages, report.start_pages) == (6, 2)
    assert report.ratio.low <= report.ratio.median <= report.ratio.high
    assert "| tesseract alone" in report.to_text()


def test_pages_without_words_are_no_figure() -> None:
    with pytest.raises(EvaluationError, match="1 of 2 pages"):
        bench_ocr(PLAN, lambda: nullcontext(lambda paths: len(paths) - 1), len, silent)
