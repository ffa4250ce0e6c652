"""Model cards of stored runs."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster.cli.app import app
from eval.card_cli import CardFormat, card_app, render_card
from eval.cards import ModelCard, card_of
from eval.errors import EvaluationError
from eval.report import EvaluationReport, write_files
from eval.stored import StoredRun
from tests.eval.pages.material import HOSTILE, collection, report_for, run_of
from tests.eval.pages.reading import parsed, text_of

DATASET = collection()


def found(spice: str = "") -> tuple[EvaluationReport, StoredRun]:
    """Return a run with a model, and its report."""
    run = run_of(DATASET)
    description = run.provenance.description
    description.model = {"model": f"tiny{spice}", "dimension": 8, "max_tokens": 256}
    description.settings = {"search": {"alpha": 0.4}}
    run.provenance.command = "pmoves evaluate harbour"
    return report_for(run, DATASET), run


def test_a_card_has_every_figure_with_its_interval() -> None:
    report, run = found()
    card = card_of(report, run)
    figures = {(figure.mode, figure.metric): figure.value for figure in card.figures}
    assert figures["hybrid", "nDCG@10"] == report.modes[0].metrics["nDCG@10"]
    assert figures["lexical", "p95_ms"] == report.modes[1].latency["p95_ms"]
    assert card.title == "tiny"
    assert card.settings == {"search.alpha": 0.4}
    assert [gate.passed for gate in card.gates] == [True]
    assert card.commands == ["PMOVES_SEARCH__ALPHA=0.4 pmoves evaluate harbour"]


def test_limits_are_those_that_the_run_shows() -> None:
    report, run = found()
    plain = " ".join(card_of(report, run).limits)
    assert "reads 256 tokens" in plain
    assert "never judged" not in plain
    assert "no text" not in plain
    mode = report.modes[0]
    mode.metrics["Judged@10"] = mode.metrics["MRR"].model_copy(update={"mean": 0.4})
    mode.degraded = 3
    report.documents_without_text = 2
    limits = " ".join(card_of(report, run).limits)
    assert "In mode hybrid 60% of the first hits were never judged" in limits
    assert "3 of 60 answers in mode hybrid lacked a stage" in limits
    assert "2 of 60 documents have no text" in limits


def test_a_run_of_another_program_has_a_card_too() -> None:
    run = run_of(DATASET, label="theirs")
    card = card_of(report_for(run, DATASET), run)
    assert card.title == "theirs"
    assert "does not tell which model" in " ".join(card.limits)
    assert "Not told." in card.to_markdown()


def test_every_form_says_the_same() -> None:
    card = card_of(*found())
    value = card.figures[0].value
    lines = [line.split() for line in card.to_markdown().splitlines()]
    assert ["|", "hybrid", "|", "nDCG@10", "|", *str(value).split(), "|"] in lines
    assert ModelCard.model_validate_json(render_card(card, CardFormat.JSON)) == card
    page = parsed(render_card(card, CardFormat.HTML))
    (row, *_) = page.xpath("//table[not(@class)]/tbody/tr")
    shown = f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]"
    assert [text_of(cell) for cell in row] == ["hybrid", "nDCG@10", shown]


def test_hostile_names_stay_text() -> None:
    card = card_of(*found(spice=f"{HOSTILE}|\n# not a title"))
    text = card.to_markdown()
    assert "<script" not in text
    assert "<img" not in text
    assert "\n# not a title" not in text
    assert "<img" not in render_card(card, CardFormat.HTML)


def test_the_command_writes_a_card(tmp_path: Path) -> None:
    report, run = found()
    run.save(tmp_path / "run")
    write_files(report, {}, tmp_path / "run")
    printed = CliRunner().invoke(app, ["card", str(tmp_path / "run"), "--json"])
    assert ModelCard.model_validate_json(printed.stdout) == card_of(report, run)
    target = tmp_path / "new" / "card.md"
    arguments = [str(tmp_path / "run"), "--out", str(target)]
    assert CliRunner().invoke(card_app, arguments).stdout == ""
    assert target.read_text(encoding="utf-8").startswith("# tiny\n")


def test_what_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"report\.json cannot be read: No such file"):
        CliRunner().invoke(card_app, [str(tmp_path)], catch_exceptions=False)
    (tmp_path / "report.json").write_text("[]")
    with pytest.raises(EvaluationError, match=r"report\.json is no report: the file: "):
        CliRunner().invoke(card_app, [str(tmp_path)], catch_exceptions=False)
