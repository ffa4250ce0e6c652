"""Collections, run files and sweeps in a real S3."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cluster.cli.app import app
from eval.datasets.load import load_dataset
from eval.errors import DatasetError, EvaluationError
from eval.sweep.artifacts import save
from eval.sweep.report import SweepReport
from eval.sweep.spec import SweepSpec
from eval.sweep.values import Grid
from tests.engines.seaweedfs import ObjectStore
from tests.eval.sweep.made_up import MadeUpTrials, swept

pytestmark = pytest.mark.integration
LINES = {
    "corpus.jsonl": [{"_id": name, "text": f"the {name}"} for name in ("boat", "oven", "lamp")],
    "queries.jsonl": [{"_id": "q1", "text": "a boat"}, {"_id": "q2", "text": "an oven"}],
}
QRELS = "query-id\tcorpus-id\tscore\nq1\tboat\t1\nq2\toven\t2\n"
RUN = "q1 Q0 boat 1 2.0 other\nq1 Q0 lamp 2 1.0 other\nq2 Q0 lamp 1 1.0 other\n"


@pytest.fixture
def bucket(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket in the store that the settings name."""
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    return object_store.new_bucket()


def test_a_store_without_credentials_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "PMOVES_S3__KEY", "PMOVES_S3__ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("PMOVES_S3__ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(DatasetError, match=r"s3://there/x cannot be read: .*credentials"):
        load_dataset("s3://there/x")


@pytest.fixture
def files(object_store: ObjectStore) -> Any:
    """The store as a file system."""
    return object_store.files()


@pytest.fixture
def harbour(bucket: str, files: Any, tmp_path: Path) -> str:
    """The address of a collection in BEIR's layout; the same lies in `tmp_path`/harbour."""
    folder = tmp_path / "harbour"
    (folder / "qrels").mkdir(parents=True)
    for name, records in LINES.items():
        (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records))
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    files.put(f"{folder}/", f"{bucket}/sets/harbour/", recursive=True)
    return f"s3://{bucket}/sets/harbour"


def test_a_collection_is_the_same_as_in_a_folder(harbour: str, tmp_path: Path) -> None:
    found, local = load_dataset(harbour), load_dataset(str(tmp_path / "harbour"))
    assert found == local
    assert found.content_hash == local.content_hash
    assert len(found.documents) == 3


def test_a_fault_there_is_named(harbour: str, bucket: str, files: Any) -> None:
    files.pipe(f"{bucket}/sets/harbour/queries.jsonl", b'{"_id": "q1", "text": "x"}\n{"_id"\n')
    with pytest.raises(DatasetError, match=rf"{harbour}/queries.jsonl:2: not JSON"):
        load_dataset(harbour)
    with pytest.raises(DatasetError, match=rf"s3://{bucket}/none: there is nothing"):
        load_dataset(f"s3://{bucket}/none")
    with pytest.raises(DatasetError, match="s3://not-there-at-all/x"):
        load_dataset("s3://not-there-at-all/x")


def test_a_run_file_is_measured(harbour: str, bucket: str, files: Any, tmp_path: Path) -> None:
    files.pipe(f"{bucket}/runs/other.run", RUN.encode())
    command = ["evaluate", harbour, "--run", f"s3://{bucket}/runs/other.run", "--metric", "MRR"]
    found = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out"), "--json"])
    assert found.exit_code == 0, found.output
    ((report,),) = json.loads(found.output).values()
    assert report["modes"][0]["metrics"]["MRR"]["mean"] == 0.5
    there = f"s3://{bucket}/reports/other"
    assert CliRunner().invoke(app, [*command, "--out", there]).exit_code == 0
    local = {str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*.*")}
    stored = {name.removeprefix(f"{bucket}/reports/other/") for name in files.find(there)}
    assert stored == local


def test_a_sweep_is_written(bucket: str, files: Any) -> None:
    sweep = swept(
        SweepSpec(dataset="x", grid=Grid(alpha=[0.2, 0.7])), MadeUpTrials(lambda _point: 0.5, 0.1)
    )
    for _ in range(2):
        save(sweep, f"s3://{bucket}/reports/one/")
    names = {name.removeprefix(f"{bucket}/reports/one/") for name in files.find(bucket)}
    trials = {f"trials/{number:05}.json" for number in (1, 2)}
    assert names == {"sweep.html", "sweep.json", "sweep.md", *trials}
    stored = files.cat(f"{bucket}/reports/one/sweep.json")
    assert SweepReport.model_validate_json(stored) == sweep.report


def test_a_store_that_refuses_is_named(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_S3__SECRET_ACCESS_KEY", "wrong")
    sweep = swept(
        SweepSpec(dataset="x", grid=Grid(alpha=[0.7])), MadeUpTrials(lambda _point: 0.5, 0.1)
    )
    with pytest.raises(EvaluationError, match=f"s3://{bucket}/x cannot be written"):
        save(sweep, f"s3://{bucket}/x")
    with pytest.raises(DatasetError, match=f"s3://{bucket}/x cannot be read"):
        load_dataset(f"s3://{bucket}/x")
