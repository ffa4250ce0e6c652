"""`pmoves evaluate` on a small collection, with the real pipeline in process."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster.cli.app import app
from eval.cli import evaluate_app
from eval.errors import EvaluationError

PLACES = {
    "tide": "The harbour falls dry at low tide and boats lean on their keels.",
    "oven": "Bake the sourdough loaf for forty minutes with steam in the oven.",
    "lens": "A wide lens bends straight lines near the edges of the frame.",
    "ladder": "Lean the ladder at four to one and tie its head before climbing.",
}
QUERIES = {
    "q1": ("when do boats lie on the mud?", "tide"),
    "q2": ("baking bread", "oven"),
    "q3": ("distortion of a camera objective", "lens"),
    "q4": ("safe angle of a ladder", "ladder"),
}


def jsonl(records: list[dict[str, str]]) -> str:
    """Return `records` as JSON Lines."""
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a BEIR folder of four documents and four queries."""
    found = tmp_path / "places"
    (found / "qrels").mkdir(parents=True)
    corpus = [{"_id": name, "title": name.title(), "text": text} for name, text in PLACES.items()]
    (found / "corpus.jsonl").write_text(jsonl(corpus))
    queries = [{"_id": name, "text": text} for name, (text, _) in QUERIES.items()]
    (found / "queries.jsonl").write_text(jsonl(queries))
    rows = [f"{name}\t{doc_id}\t1\n" for name, (_, doc_id) in QUERIES.items()]
    (found / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    return found


@pytest.mark.integration
def test_evaluating_in_process(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PMOVES_URL", raising=False)
    arguments = [str(folder), "--known-items", "--json", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(evaluate_app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    topical, known = json.loads(result.stdout)["reports"]
    assert topical["queries"] == 4
    modes = {mode["mode"]: mode["metrics"] for mode in topical["modes"]}
    assert modes["hybrid"]["nDCG@10"]["mean"] == 1
    assert modes["dense"]["nDCG@10"]["mean"] == 1
    assert known["dataset"] == "places-known-items"
    assert known["namespace"] == topical["namespace"]
    assert (tmp_path / "out" / "places" / "hybrid.run").is_file()
    assert (tmp_path / "out" / "places-known-items" / "report.json").is_file()
    assert "index: 4 of 4" in result.stderr


@pytest.mark.integration
def test_a_threshold_that_does_not_hold_ends_with_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PMOVES_URL", raising=False)
    suites = tmp_path / "suites.yaml"
    suites.write_text("suites: [{name: fast, thresholds: {p50_ms: {max: 0.0001}}}]")
    arguments = ["evaluate", str(folder), "--mode", "hybrid", "--namespace", "mine"]
    arguments.append("--no-known-items")
    first = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "a")])
    assert first.exit_code == 0, first.output
    failing = [
        *arguments,
        "--suite",
        str(suites),
        "--format",
        "junit",
        "--out",
        str(tmp_path / "b"),
    ]
    second = CliRunner().invoke(app, failing)
    assert second.exit_code == 1
    assert 'failures="1"' in second.stdout
    runs = [str(tmp_path / name / "places") for name in "ab"]
    third = CliRunner().invoke(app, ["compare", *runs])
    assert third.exit_code == 0, third.output
    assert "No query moved in nDCG@10" in third.stdout


BESIDES = ["places-known-items"]


@pytest.mark.parametrize(
    ("options", "besides"),
    [([], BESIDES), (["--known-items"], BESIDES), (["--no-known-items"], [])],
)
@pytest.mark.integration
def test_known_items_are_asked_wherever_there_are_documents(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    besides: list[str],
) -> None:
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PMOVES_URL", raising=False)
    arguments = [str(folder), "--mode", "lexical", "--suite", str(tmp_path / "suites.yaml")]
    (tmp_path / "suites.yaml").write_text("suites: [{name: all, mode: lexical}]")
    baseline = str(tmp_path / "baseline.json")
    saved = run([*arguments, *options, "--save-baseline", baseline])
    assert saved == ["places", *besides]
    # Held against a baseline without known items, none are asked.
    assert run([*arguments, "--baseline", baseline]) == saved


def run(arguments: list[str]) -> list[str]:
    """Evaluate; return the collections of the reports."""
    result = CliRunner().invoke(evaluate_app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [report["dataset"] for report in json.loads(result.stdout)["reports"]]


def test_a_namespace_that_cannot_be_is_refused(folder: Path) -> None:
    found = CliRunner().invoke(app, ["evaluate", str(folder), "--namespace", "bad name!"])
    assert found.exit_code == 2
    assert "is no namespace" in found.output


def test_there_is_a_sample_library_only_where_one_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EvaluationError, match="no sample library; run this as `pmoves"):
        CliRunner().invoke(evaluate_app, ["library"], catch_exceptions=False)


@pytest.mark.integration
def test_a_sweep_in_process(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "home"))
    spec = tmp_path / "sweep.yaml"
    spec.write_text(f"{{dataset: {folder}, folds: 2, grid: {{alpha: [0, 0.5, 1]}}}}")
    arguments = ["sweep", str(spec), "--json", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert len(report["trials"]) == 4  # The one in force is tried too.
    assert report["queries"] == 4
    assert report["known_items"]["metric"] == "MRR"
    assert json.loads((tmp_path / "out" / "sweep.json").read_text()) == report
    assert len(list((tmp_path / "out" / "trials").iterdir())) == 4


@pytest.mark.integration
def test_a_sweep_over_chunk_sizes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "home"))
    spec = tmp_path / "sweep.yaml"
    spec.write_text(
        f"{{dataset: {folder}, folds: 2, search: random, trials: 3, grid: {{alpha: [0.5, 1]}},"
        " index: {chunk_size: [16, 40], chunk_overlap: [0]}}"
    )
    arguments = ["sweep", str(spec), "--json", "--out", str(tmp_path / "out"), "--local"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["in_force"]["index"]["chunk_size"] == 200
    assert {trial["point"]["index"]["chunk_size"] for trial in report["trials"]} <= {16, 40, 200}
    again = CliRunner().invoke(app, arguments)
    assert json.loads(again.stdout)["trials"] == report["trials"]
    assert "index:" not in again.stderr
    assert "retrieve:" not in again.stderr
