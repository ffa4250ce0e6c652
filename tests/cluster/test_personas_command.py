"""`pmoves personas` against a real gateway over HTTP."""

import json
from pathlib import Path

from typer.testing import CliRunner

from cluster.cli.app import app
from eval.gates.contracts import FAILED, PUBLISHED, fault
from tests.eval.gates.asking import encoded, request

GATES = """
gates:
  - name: Host
    version: "1"
    datasets:
      - {id: questions, queries_path: questions.jsonl, thresholds: {hit@1: {min: 1}}}
      - id: boats
        queries_path: boats
        thresholds: {MRR: {min: 0.9}}
        known_items: {MRR: {min: 0.5}}
  - name: Guest
    version: "1"
    datasets:
      - {id: wrong, queries_path: wrong.jsonl, thresholds: {MRR: {min: 0.5}}}
"""
TEA = {"query": "how hot should the water for tea be?", "namespace": "pmoves"}


def write_collections(folder: Path) -> None:
    """Write two files of questions about what is stored, and a collection with documents."""
    (folder / "gates.yaml").write_text(GATES)
    (folder / "questions.jsonl").write_text(json.dumps({**TEA, "relevant": ["tea"]}))
    (folder / "wrong.jsonl").write_text(json.dumps({**TEA, "relevant": ["coffee"]}))
    (folder / "boats" / "qrels").mkdir(parents=True)
    texts = {"keel": "A keel keeps the boat upright.", "oar": "An oar moves a boat by hand."}
    documents = [{"_id": name, "title": name, "text": text} for name, text in texts.items()]
    (folder / "boats/corpus.jsonl").write_text("\n".join(map(json.dumps, documents)))
    (folder / "boats/queries.jsonl").write_text('{"_id": "q", "text": "what keeps it upright?"}')
    (folder / "boats/qrels/test.tsv").write_text("query\tdocument\tgrade\nq\tkeel\t1\n")


def test_personas_are_held_to_their_gates_by_a_gateway(
    home: Path, gateway: str, tmp_path: Path
) -> None:
    write_collections(tmp_path)
    runner = CliRunner()
    defined = runner.invoke(app, ["personas", "define", str(tmp_path / "gates.yaml")])
    assert defined.exit_code == 0, defined.output
    events = [encoded(request(name, version="1")) for name in ("Host", "Guest")]
    arguments = ["personas", "gate", "-", "--against", gateway]
    asked = runner.invoke(app, arguments, input=b"\n".join(events))
    assert asked.exit_code == 1
    answers = [json.loads(line) for line in asked.stdout.splitlines()]
    assert [fault(answer) for answer in answers] == [None, None]
    found = {answer["payload"]["name"]: answer for answer in answers}
    assert found["Host"]["topic"] == PUBLISHED, found["Host"]["payload"]
    assert found["Guest"]["topic"] == FAILED
    assert found["Guest"]["payload"]["reason"] == "threshold-not-met"
    checked = found["Host"]["payload"]["evaluations"][1]["checks"]
    assert {check["suite"] for check in checked} == {"all", "known-items"}
