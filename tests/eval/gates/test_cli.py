"""`pmoves personas`."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster.cli.app import app
from eval.gates.contracts import FAILED, PUBLISHED, fault
from tests.eval.gates.asking import encoded, request

GATES = """
gates:
  - name: Skipper
    version: "3.1"
    datasets:
      - {id: harbour, queries_path: harbour.jsonl, thresholds: {MRR: {min: 0.8}}}
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PMOVES_URL", raising=False)
    monkeypatch.delenv("PMOVES_STATE__URL", raising=False)
    return tmp_path / "home"


def pmoves(*arguments: str, given: bytes = b"", code: int = 0) -> str:
    found = CliRunner().invoke(app, ["personas", *arguments], input=given)
    assert found.exit_code == code, found.output
    return found.stdout


def define(folder: Path) -> str:
    (folder / "gates.yaml").write_text(GATES)
    return pmoves("define", str(folder / "gates.yaml"))


def test_gates_are_defined_and_listed(tmp_path: Path) -> None:
    assert define(tmp_path) == "Skipper@3.1: harbour\n"
    text = pmoves("list")
    assert "Archon@1.0" in text
    assert str(tmp_path / "harbour.jsonl") in text
    found = json.loads(pmoves("list", "--json"))["gates"]
    assert [gate["name"] for gate in found] == ["Archon", "Skipper"]
    assert json.loads(pmoves("results", "Skipper@3.1", "--json")) == {"results": []}


def test_each_line_is_answered_whatever_it_is(tmp_path: Path) -> None:
    define(tmp_path)
    lines = [encoded(request("Nobody")), b"{", b"", encoded(request("Skipper", version="3.1"))]
    text = pmoves("gate", "-", "--against", "http://127.0.0.1:9", given=b"\n".join(lines), code=1)
    answers = [json.loads(line) for line in text.splitlines()]
    assert [fault(answer) for answer in answers] == [None] * 3
    reasons = sorted(answer["payload"]["reason"] for answer in answers)
    assert reasons == ["dataset-missing", "invalid-request", "unknown-persona"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        json.dumps(request("Nobody"), indent=2).encode(),
        json.dumps(request("Nobody"), indent=2).replace("}", ",}").encode(),
    ],
    ids=["nothing", "no JSON", "unknown persona", "a comma too many"],
)
def test_one_document_gets_one_answer(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "request.json").write_bytes(content)
    (line,) = pmoves("gate", str(tmp_path / "request.json"), code=1).splitlines()
    assert json.loads(line)["topic"] == FAILED


def test_a_state_database_that_cannot_be_opened_is_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_STATE__URL", f"sqlite:///{tmp_path}")
    (line,) = pmoves("gate", "-", given=encoded(request("Nobody")), code=1).splitlines()
    assert json.loads(line)["payload"]["reason"] == "store-unavailable"


def test_a_missing_file_is_named() -> None:
    found = CliRunner().invoke(app, ["personas", "gate", "none.json"])
    assert found.exit_code == 1
    assert "none.json cannot be read" in found.stderr


@pytest.mark.integration
def test_the_default_gate_of_archon_passes_in_process(home: Path, sample_home: Path) -> None:
    shutil.copytree(sample_home, home)
    event = request("Archon", {"id": "archon-smoke-10"}, version="1.0")
    answer = json.loads(pmoves("gate", "-", given=encoded(event)))
    assert answer["topic"] == PUBLISHED
    (evaluation,) = answer["payload"]["evaluations"]
    assert {check["metric"] for check in evaluation["checks"]} == {"nDCG@10", "MRR", "hit@3"}
    assert (home / "evaluations" / evaluation["run_id"] / "library" / "run.json").is_file()
    text = pmoves("results", "Archon")
    assert "passed" in text
    assert evaluation["run_id"] in text
