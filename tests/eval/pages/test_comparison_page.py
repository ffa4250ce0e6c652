"""Two runs side by side as a page."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.compare_cli import compare_app
from eval.comparison import compare_runs
from eval.errors import EvaluationError
from eval.pages.comparison_page import comparison_page
from tests.eval.pages.material import collection, run_of
from tests.eval.pages.reading import data_in, parsed

DATASET = collection()
BEFORE, AFTER = run_of(DATASET, label="before"), run_of(DATASET, worse=20, label="after")


def verdicts(page: str) -> list[str]:
    """Return the verdict of every row."""
    document = parsed(page)
    cells = document.xpath("//table[contains(@class, 'summary')]//tbody//td[2]")
    return [cell.text_content().strip() for cell in cells]


def test_it_says_what_the_test_says() -> None:
    found = compare_runs(BEFORE, AFTER)
    shown = verdicts(comparison_page(BEFORE, AFTER, found))
    assert shown == [entry.verdict for entry in found.differences] == ["worse"] * 4


def test_a_small_difference_is_never_called_real() -> None:
    slightly = run_of(DATASET, worse=2)
    assert verdicts(comparison_page(BEFORE, slightly)) == ["no difference shown"] * 4


def test_both_lists_of_hits_stand_side_by_side() -> None:
    data = data_in(comparison_page(BEFORE, AFTER))
    (view, *_) = data["views"]
    assert view["name"] == "nDCG@10, mode hybrid"
    assert view["columns"] == ["before", "after", "by"]
    assert view["rows"][0] == [1.0, 0.5, -0.5]
    before, after = (data["answers"][number] for number in view["answers"])
    assert [before["name"], after["name"]] == ["before", "after"]
    assert [data["documents"][hit[0]][0] for hit in before["hits"][0]] == ["d0", "d7"]
    assert [data["documents"][hit[0]][0] for hit in after["hits"][0]] == ["d7"]


def test_only_what_was_compared_can_be_chosen() -> None:
    found = compare_runs(BEFORE, AFTER, ["MRR"])
    data = data_in(comparison_page(BEFORE, AFTER, found))
    assert [view["name"] for view in data["views"]] == ["MRR, mode hybrid", "MRR, mode lexical"]


def test_changed_settings_are_named() -> None:
    changed = run_of(DATASET, label="after")
    changed.provenance.description.settings["search"] = {"alpha": 0.4}
    document = parsed(comparison_page(BEFORE, changed))
    (table, _) = document.xpath("//table[contains(@class, 'properties')]")
    rows = [[cell.text for cell in row] for row in table.xpath(".//tbody/tr")]
    assert rows == [["search.alpha", None, "0.4"]]


def test_other_collections_are_refused() -> None:
    other = run_of(collection("other", spice="!"))
    with pytest.raises(EvaluationError, match="evaluate both anew"):
        comparison_page(BEFORE, other)


def test_the_command_writes_it(tmp_path: Path) -> None:
    BEFORE.save(tmp_path / "a")
    AFTER.save(tmp_path / "b")
    target = tmp_path / "new" / "page.html"
    arguments = [str(tmp_path / "a"), str(tmp_path / "b"), "--html", str(target)]
    result = CliRunner().invoke(compare_app, arguments, catch_exceptions=False)
    assert "worse" in result.stdout
    assert verdicts(target.read_text(encoding="utf-8")) == ["worse"] * 4
