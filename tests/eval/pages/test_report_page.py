"""The page of one run."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from eval.pages.query_table import run_table
from eval.pages.report_page import REPORT_PAGE, report_page, summary_rows, write_report_page
from eval.pages.templates import content_policy
from tests.eval.pages.material import HOSTILE, collection, report_for, run_of
from tests.eval.pages.reading import data_in, parsed, text_of

DATASET = collection()
RUN = run_of(DATASET, worse=6)


@pytest.fixture(scope="module")
def page() -> str:
    """The page of a run in two modes."""
    return report_page(report_for(RUN, DATASET), RUN)


def test_every_metric_stands_with_its_interval(page: str) -> None:
    document = parsed(page)
    (table,) = document.xpath("//table[contains(@class, 'summary')]")
    assert [cell.text for cell in table.xpath(".//thead//th")] == ["metric", "hybrid", "lexical"]
    names = [cell.text for cell in table.xpath(".//tbody//th")]
    assert names == ["nDCG@10", "MRR", "p50 ms", "p95 ms", "p99 ms"]
    value = report_for(RUN, DATASET).modes[0].metrics["nDCG@10"]
    first = text_of(table.xpath(".//tbody/tr[1]/td[1]")[0])
    assert first == f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]"


def test_a_suite_that_fails_says_so() -> None:
    failing = report_page(report_for(RUN, DATASET, floor=0.99), RUN)
    text = text_of(parsed(failing))
    assert "Thresholds: FAILED" in text
    assert "all of harbour: nDCG@10 FAILED: 0.9500 [" in text


def test_every_query_is_there_with_its_hits(page: str) -> None:
    data = data_in(page)
    assert [query["id"] for query in data["queries"]] == list(RUN.queries)
    hybrid = next(view for view in data["views"] if view["name"] == "hybrid")
    assert hybrid["columns"] == ["nDCG@10", "MRR", "ms"]
    assert hybrid["rows"][0] == [0.5, 0.5, 50.0]
    assert hybrid["rows"][-1] == [1.0, 1.0, 109.0]
    last = data["answers"][0]["hits"][-1]
    assert data["documents"][last[0][0]] == ["d59", "Title 59"]
    sides, boosts = [[1.0, 1, 0.4], [0.0, None, None]], {"neighbors": -0.02}
    assert last[0][1:] == [0.9, *sides, boosts, "convex, alpha 0.7"]
    grades = data["queries"][-1]["grades"]
    assert grades == {str(last[0][0]): 2}


def test_what_words_were_read_as_is_there(page: str) -> None:
    assert data_in(page)["answers"][0]["corrections"] == {"3": {"numbr": "number"}}


def test_the_page_needs_nothing_else(page: str) -> None:
    document = parsed(page)
    assert not document.xpath("//@src | //link | //*[@href and not(starts-with(@href, '#'))]")
    assert "url(" not in page
    assert "@import" not in page


def test_only_our_own_script_may_run(page: str) -> None:
    document = parsed(page)
    (policy,) = document.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy == content_policy()
    (script,) = document.xpath("//script[not(@type)]/text()")
    (style,) = document.xpath("//style/text()")
    for kind, text in (("script", script), ("style", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not document.xpath("//*[@style or @onclick or @onload]")


def test_hostile_text_stays_text() -> None:
    dataset = collection(f"<b>name {HOSTILE}", spice=HOSTILE)
    run = run_of(dataset, label=HOSTILE)
    run.provenance.command = f"pmoves evaluate {HOSTILE}"
    run.provenance.description.settings["search"] = {"alpha": HOSTILE, HOSTILE: 1}
    page = report_page(report_for(run, dataset), run)
    assert "<script>window" not in page
    assert "<img" not in page
    document = parsed(page)
    assert len(document.xpath("//script")) == 2
    assert data_in(page)["queries"][0]["text"] == f"query number 0 {HOSTILE}"
    assert HOSTILE in document.xpath("//h1")[0].text_content()


def test_a_run_without_times_or_explanations_has_a_page_too() -> None:
    run = run_of(DATASET)
    for mode in run.modes.values():
        mode.seconds.clear()
        mode.top.clear()
    page = report_page(report_for(run, DATASET), run)
    assert "How long answers took" not in page
    data = data_in(page)
    assert data["views"][0]["columns"] == ["nDCG@10", "MRR"]
    assert data["answers"][0]["hits"][0] is None


def test_it_is_written_beside_the_run(tmp_path: Path) -> None:
    write_report_page(report_for(RUN, DATASET), RUN, tmp_path)
    assert (tmp_path / REPORT_PAGE).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_document_is_named_once() -> None:
    table = run_table(RUN)
    assert len({name for name, _ in table.documents}) == len(table.documents) == 60


def test_rows_share_one_axis() -> None:
    (row, *_) = summary_rows(report_for(RUN, DATASET))
    assert min(figure.shape.low for figure in row.figures) == 0
    assert max(figure.shape.high for figure in row.figures) == 100


def test_every_control_has_a_name_and_every_table_heads(page: str) -> None:
    document = parsed(page)
    for control in document.xpath("//main//select | //main//input"):
        assert control.xpath("ancestor::label"), control.attrib
    for table in document.xpath("//table[@id != 'queries' or not(@id)]"):
        assert table.xpath(".//thead//th[@scope='col']")
    for figure in document.xpath("//svg[not(@aria-hidden)]"):
        assert figure.attrib["role"] == "img"
        assert figure.attrib["aria-label"]
    assert document.attrib["lang"] == "en"
    assert re.search(r"<a class=\"skip\" href=\"#main\">", page)
