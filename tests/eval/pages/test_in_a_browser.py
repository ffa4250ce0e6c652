"""The pages in a real browser; screenshots go into `artifacts/screenshots`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from eval.dashboard.routes import dashboard_router
from eval.pages.comparison_page import comparison_page
from eval.pages.report_page import report_page, write_report_page
from eval.report import write_files
from tests.eval.pages.browsing import LOOKS, Scheme, Tab, served
from tests.eval.pages.material import HOSTILE, collection, report_for, run_of

pytestmark = pytest.mark.integration
DATASET = collection()
RUN = run_of(DATASET, worse=6, label="before")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a report, a comparison and a report full of hostile text."""
    folder = tmp_path_factory.mktemp("pages")
    write_report_page(report_for(RUN, DATASET, floor=0.99), RUN, folder)
    after = run_of(DATASET, worse=20, label="after")
    after.modes["hybrid"].values["nDCG@10"]["q0"] = 0.9
    (folder / "comparison.html").write_text(comparison_page(RUN, after), encoding="utf-8")
    hostile = collection(HOSTILE, spice=HOSTILE)
    run = run_of(hostile, label=HOSTILE)
    page = report_page(report_for(run, hostile), run)
    (folder / "hostile.html").write_text(page, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard over two runs, one bad one and a hostile one."""
    folder = tmp_path_factory.mktemp("evaluations")
    hostile = collection("hostile", spice=HOSTILE)
    runs = {
        "20261101T090000Z/harbour": (RUN, DATASET),
        "20261102T090000Z/harbour": (run_of(DATASET, worse=20, label="after"), DATASET),
        "20261103T090000Z/hostile": (run_of(hostile, label=HOSTILE), hostile),
    }
    for name, (run, dataset) in runs.items():
        run.save(folder / name)
        write_files(report_for(run, dataset, floor=0.9), {}, folder / name)
    (folder / "20261104T090000Z" / "cut").mkdir(parents=True)
    (folder / "20261104T090000Z" / "cut" / "run.json").write_text("{")
    app = FastAPI()
    app.include_router(dashboard_router(folder))
    with served(app) as address:
        yield f"{address}/eval"


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
@pytest.mark.parametrize("name", ["report", "comparison", "list", "trends", "answer"])
def test_it_fits_and_can_be_read(
    browser: Any, files: Path, site: str, name: str, size: str, scheme: Scheme
) -> None:
    tab = Tab(browser, size, scheme)
    addresses = {
        "report": (files / "report.html").as_uri(),
        "comparison": (files / "comparison.html").as_uri(),
        "answer": (files / "comparison.html").as_uri() + "#query=q3",
        "list": site,
        "trends": f"{site}/trends",
    }
    page = tab.open(addresses[name])
    tab.check(name, size, scheme, full=name != "answer")
    page.close()


def column(page: Any, number: int) -> list[str]:
    """Return the cells of a column of the table of queries, from 1."""
    cells: list[str] = page.locator(f"#queries tbody td:nth-child({number})").all_inner_texts()
    return cells


def test_the_table_is_sorted_and_filtered(browser: Any, files: Path) -> None:
    page = Tab(browser).open((files / "report.html").as_uri())
    assert column(page, 1)[:3] == ["q0", "q1", "q2"]
    head = page.locator("#queries th", has_text="ms")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, 1)[:2] == ["q59", "q58"]
    assert page.evaluate("document.activeElement.textContent") == "ms"
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(page, 1)[:2] == ["q0", "q1"]
    page.get_by_label("Find").fill("number 1")
    assert page.locator("#status").inner_text() == "15 of 60 queries"
    page.get_by_label("Tag").select_option("odd")
    found = ["q1", "q11", "q13", "q15", "q17", "q19", "q21", "q31", "q41", "q51"]
    assert column(page, 1) == found
    page.get_by_role("combobox", name="Mode").select_option("lexical")
    assert page.locator("#status").inner_text() == "10 of 60 queries"
    page.close()


def test_the_table_has_pages(browser: Any, files: Path) -> None:
    page = Tab(browser).open((files / "report.html").as_uri())
    assert len(column(page, 1)) == 25
    page.get_by_role("button", name="Forth").click()
    page.get_by_role("button", name="Forth").click()
    assert column(page, 1)[-1] == "q59"
    assert page.locator("#page").inner_text() == "3 of 3"
    assert page.get_by_role("button", name="Forth").is_disabled()
    page.close()


def test_a_query_opens_its_hits_by_keyboard(browser: Any, files: Path) -> None:
    page = Tab(browser).open((files / "report.html").as_uri())
    page.get_by_role("button", name="q7", exact=True).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="query number 7")
    text = dialog.inner_text()
    assert "d7 relevant, grade 2" in text.replace("\n", " ")
    assert (
        "score 0.900 · dense 1.000 (rank 1, score 0.400) · lexical 0.000 · neighbors -0.020" in text
    )
    assert page.url.endswith("#query=q7")
    dialog.get_by_role("button", name="Next").click()
    assert page.get_by_role("dialog", name="query number 8").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()
    assert page.evaluate("document.activeElement.textContent") == "q8"
    page.close()


def test_an_answer_says_which_words_were_read_as_others(browser: Any, files: Path) -> None:
    page = Tab(browser).open((files / "report.html").as_uri() + "#query=q3")
    notes = page.locator("#answer-lists section").first.locator(".corrections")
    assert notes.all_inner_texts() == ["Read as: numbr → number"]
    page.get_by_role("dialog").get_by_role("button", name="Next").click()
    assert page.locator("#answer-lists .corrections").count() == 0
    page.close()


def test_what_moved_comes_first_in_a_comparison(browser: Any, files: Path) -> None:
    page = Tab(browser).open((files / "comparison.html").as_uri())
    head = page.locator("#queries th", has_text="by")
    assert head.get_attribute("aria-sort") == "other"
    assert column(page, 6)[:16] == [*["-0.500"] * 14, "+0.400", "0.000"]
    head.locator("button").click()
    assert column(page, 6)[:2] == ["+0.400", "0.000"]
    page.get_by_label("only what moved").check()
    assert page.locator("#status").inner_text() == "15 of 60 queries"
    page.get_by_role("button", name="q6", exact=True).click()
    before, after = page.locator("#answer-lists section").all()
    assert "d6 relevant" in before.inner_text().replace("\n", " ")
    assert "Relevant, but not here: d6" in after.inner_text()
    page.close()


def test_hostile_text_does_not_run(browser: Any, files: Path, site: str) -> None:
    pages = [(files / "hostile.html").as_uri(), site, f"{site}/trends"]
    for address in [*pages, f"{site}/runs/20261103T090000Z/hostile"]:
        tab = Tab(browser)
        page = tab.open(address)
        for button in page.locator("#queries .open").all()[:1]:
            button.click()
            assert HOSTILE in page.locator("#answer-title").inner_text()
        assert page.evaluate("window.hacked") is None
        assert page.locator("img").count() == 0
        assert tab.complaints == []
        page.close()


def test_a_script_that_got_in_would_not_run(browser: Any, files: Path) -> None:
    text = (files / "report.html").read_text(encoding="utf-8")
    broken = files / "broken.html"
    broken.write_text(text.replace("<main", f"{HOSTILE}<main"), encoding="utf-8")
    tab = Tab(browser)
    page = tab.open(broken.as_uri())
    assert page.locator("img").count() == 1
    assert page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in complaint for complaint in tab.complaints)
    page.close()


def test_a_report_fetches_nothing(browser: Any, files: Path) -> None:
    for name in ("report.html", "comparison.html", "hostile.html"):
        tab = Tab(browser)
        tab.open((files / name).as_uri()).close()
        assert tab.fetched == [(files / name).as_uri()]


def test_two_runs_are_chosen_and_compared(browser: Any, site: str) -> None:
    tab = Tab(browser)
    page = tab.open(site)
    page.get_by_label("20261101T090000Z/harbour is before").check()
    page.get_by_label("20261102T090000Z/harbour is after").check()
    page.get_by_role("button", name="Compare before and after").click()
    assert page.locator("h1").inner_text() == "after against before"
    assert "worse" in page.locator("main").inner_text()
    page.get_by_role("link", name="Trends").click()
    assert page.locator("svg.course").count() == 1
    page.get_by_role("link", name="against the one before").click()
    assert page.locator("h1").inner_text() == "after against before"
    assert tab.complaints == []
    page.close()
