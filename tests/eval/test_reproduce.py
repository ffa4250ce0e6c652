"""How a run says to make it again."""

import pytest
import typer
from typer.testing import CliRunner

from eval.cli import evaluate_app
from eval.datasets.base import Dataset
from eval.reproduce import command_line, reproduction
from tests.eval.stored import stored_run

DATASET = Dataset("tiny", (), {"a": "one?"}, {"a": {"x": 1}})


def called(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what the command line of `pmoves evaluate` becomes."""
    found: list[str] = []

    def note(context: typer.Context) -> str:
        found.append(command_line(context))
        raise typer.Exit(0)

    monkeypatch.setattr("eval.cli.command_line", note)
    result = CliRunner().invoke(evaluate_app, arguments)
    assert result.exit_code == 0, result.output
    return found[0]


def test_the_command_holds_what_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PMOVES_URL", raising=False)
    arguments = ["my set", "--mode", "dense", "--mode", "hybrid", "--k", "5", "--known-items"]
    more = ["--label", "it's", "--metric", "MRR", "--out", "/elsewhere", "--json"]
    assert called([*arguments, *more], monkeypatch) == (
        "pmoves evaluate 'my set' --k 5 --mode dense --mode hybrid --metric MRR --known-items "
        """--label 'it'"'"'s'"""
    )


def test_the_command_holds_what_was_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PMOVES_URL", raising=False)
    assert (
        called(["set", "--no-known-items"], monkeypatch) == "pmoves evaluate set --no-known-items"
    )


def test_the_command_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_URL", "http://127.0.0.1:8000")
    monkeypatch.setenv("PMOVES_API_KEY", "pmk_secret")
    assert called(["set"], monkeypatch) == "pmoves evaluate set --against http://127.0.0.1:8000"
    assert "secret" not in called(["set", "--api-key", "pmk_secret"], monkeypatch)


def test_settings_stand_where_they_count() -> None:
    source = stored_run(DATASET, {"MRR": [1.0]}).provenance
    assert reproduction(source) == []
    source.command = "pmoves evaluate tiny"
    assert reproduction(source) == ["pmoves evaluate tiny"]
    source.description.settings.update(
        {"search": {"alpha": 0.4, "fusion": "convex"}, "embedding": {"query_prefix": "ask: "}}
    )
    changed = "PMOVES_SEARCH__ALPHA=0.4 PMOVES_EMBEDDING__QUERY_PREFIX='ask: '"
    assert reproduction(source) == [f"{changed} pmoves evaluate tiny"]
    source.description.settings.update({"chunking": {"size": 64}, "lexical": "Elasticsearch"})
    changed += " PMOVES_CHUNKING__SIZE=64"
    source.command = "pmoves evaluate tiny --against http://127.0.0.1:8000"
    assert reproduction(source) == [f"{changed} pmoves up --detach", source.command]
