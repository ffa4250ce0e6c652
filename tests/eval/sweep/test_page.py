"""The page and the files of a sweep."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.errors import EvaluationError
from eval.pages.templates import content_policy
from eval.sweep.artifacts import save
from eval.sweep.page import sweep_page
from eval.sweep.points import IndexSetting
from eval.sweep.report import SweepReport
from eval.sweep.run import Sweep
from eval.sweep.spec import SweepSpec, load_sweep
from eval.sweep.values import Grid, IndexGrid
from tests.eval.sweep.made_up import NOW, MadeUpTrials, swept

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Outline(HTMLParser):
    """Checks that tags are nested, and collects what a reader and a browser see."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def classes(self, name: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of one class."""
        return [attrs for _, attrs in self.tags if name in (attrs.get("class") or "").split()]


@pytest.fixture(scope="module")
def found() -> Sweep:
    """A sweep over two indexes, two rules and five alphas, with a prefix that is no HTML."""
    spec = SweepSpec(
        dataset="x",
        grid=Grid(alpha=[0, 0.25, 0.5, 0.7, 1], fusion=["convex", "rrf"]),
        index=IndexGrid(query_prefix=["", "<b>find</b> & "]),
        rule="predecessor",
        entities=Path("names.csv"),
    )
    now = NOW.model_copy(update={"index": IndexSetting(query_prefix="")})
    trials = MadeUpTrials(lambda point: 0.7 - (point.search.alpha - 0.5) ** 2, 0.01)
    return swept(spec, trials, now=now)


def outline(report: SweepReport) -> Outline:
    parser = Outline()
    parser.feed(sweep_page(report))
    assert not parser.open
    return parser


def test_the_page_needs_no_network(found: Sweep) -> None:
    page = outline(found.report)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe"}
    for _, attrs in page.tags:
        assert not attrs.keys() & {"src", "onclick", "style"}
        assert (attrs.get("href") or "#").startswith("#")
    assert "url(" not in sweep_page(found.report)
    (policy,) = [
        attrs["content"] for _, attrs in page.tags if "Content-Security-Policy" in attrs.values()
    ]
    assert policy == content_policy()


def test_the_page_shows_the_map_the_choice_and_the_gain(found: Sweep) -> None:
    page, report = outline(found.report), found.report
    assert report.heat_map is not None
    cells = [attrs for attrs in page.classes("cell") if "x" in attrs]
    assert len(cells) == sum(cell is not None for row in report.heat_map.cells for cell in row)
    text = " ".join("".join(page.text).split())
    assert report.advice.reason in text
    assert "held out" in text
    assert report.held_out.difference.signed() in text
    # One frame on the map and one ring on each line, for each of both points; and the legend.
    lines = len(report.profiles)
    assert len(page.classes("chosen")) == len(page.classes("force")) == 1 + lines + 1


def test_texts_of_the_specification_stay_texts(found: Sweep) -> None:
    html = sweep_page(found.report)
    assert "<b>find" not in html
    assert "&lt;b&gt;find&lt;/b&gt; &amp;" in html


def test_drawings_have_a_description_and_finite_numbers(found: Sweep) -> None:
    page = outline(found.report)
    for tag, attrs in page.tags:
        if tag == "svg":
            assert attrs.get("aria-label") or attrs.get("aria-hidden")
    assert not re.search(r"\b(?:nan|inf|None)\b", re.sub("<style>.*?</style>", "", str(page.tags)))


def test_one_part_gives_a_line_and_no_map() -> None:
    spec = SweepSpec(dataset="x", grid=Grid(alpha=[0.7]))
    report = swept(spec, MadeUpTrials(lambda _point: 0.5, 0.0)).report
    assert report.heat_map is None
    assert not outline(report).classes("cell")


def test_the_page_gives_the_specification_back(found: Sweep, tmp_path: Path) -> None:
    text = "".join(outline(found.report).text)
    start = text.index("dataset: x")
    (tmp_path / "sweep.yaml").write_text(text[start : text.index("Collection ")])
    assert load_sweep(tmp_path / "sweep.yaml") == found.report.spec


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_files_go_to_a_folder_or_an_address(found: Sweep, tmp_path: Path, scheme: str) -> None:
    folder = tmp_path / "out" / "sweep"
    save(found, f"{scheme}{folder}")
    report = SweepReport.model_validate_json((folder / "sweep.json").read_text())
    assert report == found.report
    assert found.report.advice.reason in (folder / "sweep.md").read_text()
    assert (folder / "sweep.html").read_text().startswith("<!doctype html>")
    trials = sorted((folder / "trials").iterdir())
    assert len(trials) == len(report.trials)
    first = json.loads(trials[0].read_text())
    assert first["mean"] == report.trials[0].mean == pytest.approx(mean_of(first["values"]))
    assert len(first["query_seconds"]) == report.queries


def mean_of(values: dict[str, float]) -> float:
    """Return the mean of the values of a trial's file."""
    return sum(values.values()) / len(values)


def test_an_address_that_nothing_knows_is_named(found: Sweep) -> None:
    with pytest.raises(EvaluationError, match="nowhere://bucket"):
        save(found, "nowhere://bucket")
