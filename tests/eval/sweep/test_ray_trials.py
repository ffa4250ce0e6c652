"""Trials as tasks of a real Ray, with the real model, give what trials in this process give."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster.cli.app import app
from cluster.cutting import IngestCutter
from data_jobs.session import ray_session
from eval.datasets.base import Dataset, DatasetDocument
from eval.sweep.points import IndexSetting
from eval.sweep.ray_trials import RayTrials
from eval.sweep.trials import Collection, Job, LocalTrials
from eval.sweep.workplace import load_model
from tests.eval.sweep.collection import DATASET, NOW, workplace

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(900),
]

# Texts that are cut, so that another chunk size gives another index.
CUT = replace(
    DATASET,
    documents=tuple(
        DatasetDocument(document.doc_id, "\n\n".join(document.passages * 4))
        for document in DATASET.documents
    ),
)
COLLECTIONS: dict[Collection, Dataset] = {"labelled": CUT}
JOBS = [
    Job(
        "labelled",
        IndexSetting(chunk_size=size, chunk_overlap=0),
        (NOW, NOW.model_copy(update={"alpha": 0.2})),
        "nDCG@10",
        timed=timed,
    )
    for size, timed in ((16, False), (40, False), (16, True))
]


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[None]:
    """A Ray of this module's own."""
    with ray_session():
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The same collection in BEIR's layout."""
    found = tmp_path / "boats"
    (found / "qrels").mkdir(parents=True)
    corpus = [{"_id": document.doc_id, "text": document.text} for document in CUT.documents]
    queries = [{"_id": name, "text": text} for name, text in CUT.queries.items()]
    for name, records in {"corpus": corpus, "queries": queries}.items():
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (found / f"{name}.jsonl").write_text(lines)
    rows = [
        f"{query}\t{doc_id}\t{grade}\n"
        for query, grades in CUT.qrels.items()
        for doc_id, grade in grades.items()
    ]
    (found / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    return found


def test_the_command_uses_the_ray_that_the_environment_names(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "home"))
    spec = tmp_path / "sweep.yaml"
    spec.write_text(
        f"{{dataset: {folder}, folds: 2, grid: {{alpha: [0.2, 0.7]}}, index: {{chunk_size: [16]}}}}"
    )
    command = ["sweep", str(spec), "--json"]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 0, found.output
    assert "trials: 2 of 2" in found.stderr
    assert "retrieve:" not in found.stderr
    local = CliRunner().invoke(app, [*command, "--local"])
    assert "trials:" not in local.stderr
    assert json.loads(local.stdout)["trials"] == json.loads(found.stdout)["trials"]


def test_tasks_measure_what_this_process_measures(tmp_path: Path) -> None:
    here, there = (
        replace(workplace(tmp_path / name), cutter=IngestCutter(), load=load_model)
        for name in ("here", "there")
    )
    seen: list[tuple[int, int]] = []
    trials = RayTrials(there, COLLECTIONS, lambda _stage, done, total: seen.append((done, total)))
    found = trials.run(JOBS[:2])
    assert seen == [(1, 2), (2, 2)]
    local = LocalTrials(here, COLLECTIONS, lambda _stage, _done, _total: None)
    expected = local.run(JOBS[:2])
    assert [item.values for item in found] == [item.values for item in expected]
    assert found[0].values != found[1].values
    assert len(list((tmp_path / "there" / "indexes").iterdir())) == 2
    (timed,) = trials.run(JOBS[2:])
    assert timed.values == found[0].values
    assert all(len(series) == 10 for series in timed.seconds.values())
    assert min(min(series.values()) for series in timed.seconds.values()) > 0
