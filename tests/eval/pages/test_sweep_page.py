"""The page of a sweep in a real browser."""

from pathlib import Path
from typing import Any

import pytest

from eval.sweep.page import sweep_page
from eval.sweep.points import IndexSetting
from eval.sweep.spec import SweepSpec
from eval.sweep.values import Grid, IndexGrid, Steps
from tests.eval.pages.browsing import LOOKS, Scheme, Tab
from tests.eval.pages.material import HOSTILE
from tests.eval.sweep.made_up import NOW, MadeUpTrials, swept

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a sweep with a plateau, two indexes and a hostile prefix."""
    spec = SweepSpec(
        dataset="harbour",
        grid=Grid(alpha=Steps(start=0, stop=1, step=0.05), fusion=["convex", "dbsf", "rrf"]),
        index=IndexGrid(query_prefix=["", HOSTILE]),
        rule="predecessor",
    )
    now = NOW.model_copy(update={"index": IndexSetting(query_prefix="")})
    trials = MadeUpTrials(
        lambda point: 0.7 - (point.search.alpha - 0.5) ** 2 - 0.05 * bool(point.index.query_prefix),
        0.05,
    )
    page = tmp_path_factory.mktemp("sweep") / "sweep.html"
    page.write_text(sweep_page(swept(spec, trials, known=True, now=now).report), encoding="utf-8")
    return page


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_it_fits_and_can_be_read(browser: Any, file: Path, size: str, scheme: Scheme) -> None:
    tab = Tab(browser, size, scheme)
    page = tab.open(file.as_uri())
    tab.check("sweep", size, scheme)
    assert tab.fetched == [file.as_uri()]
    page.locator("summary").click()
    assert page.locator("details tbody tr").count() == 126
    page.close()


def test_hostile_text_does_not_run(browser: Any, file: Path) -> None:
    tab = Tab(browser)
    page = tab.open(file.as_uri())
    assert HOSTILE in page.locator("main").inner_text()
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None
    assert tab.complaints == []
    page.close()
