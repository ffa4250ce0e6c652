"""Which runs lie in the folder, and which cannot be read."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eval.dashboard import stored_runs
from eval.dashboard.stored_runs import StoredRuns, UnknownRunError
from eval.errors import EvaluationError
from eval.report import write_files
from tests.eval.pages.material import collection, report_for, run_of

DATASET = collection()


def store(folder: Path, name: str, label: str = "", hour: int = 12) -> None:
    """Write a run under `name`."""
    run = run_of(DATASET, label=label)
    run.provenance.created_at = datetime(2026, 11, 1, hour, tzinfo=UTC)
    run.save(folder / name)
    write_files(report_for(run, DATASET), {}, folder / name)


def test_the_newest_comes_first(tmp_path: Path) -> None:
    for name, hour in (("b/harbour", 9), ("c/harbour", 7), ("a/harbour", 8)):
        store(tmp_path, name, hour=hour)
    names = [entry.name for entry in StoredRuns(tmp_path).list().entries]
    assert names == ["b/harbour", "a/harbour", "c/harbour"]


def test_there_may_be_nothing(tmp_path: Path) -> None:
    listing = StoredRuns(tmp_path / "missing").list()
    assert (listing.entries, listing.faults) == ([], [])


def test_bad_runs_are_named_and_hide_no_others(tmp_path: Path) -> None:
    for name in ("good/harbour", "cut/harbour", "wrong/harbour", "noise/harbour", "alone/harbour"):
        store(tmp_path, name)
    cut = tmp_path / "cut/harbour/run.json"
    cut.write_bytes(cut.read_bytes()[:-100])
    (tmp_path / "wrong/harbour/report.json").write_text('{"dataset": 1}')
    (tmp_path / "noise/harbour/report.json").write_bytes(b"\xff\x00")
    (tmp_path / "alone/harbour/report.json").unlink()
    (tmp_path / "corpus-1/chunks.lance").mkdir(parents=True)
    (tmp_path / "unfinished").mkdir()
    listing = StoredRuns(tmp_path).list()
    assert [entry.name for entry in listing.entries] == ["good/harbour"]
    reasons = {fault.name: fault.reason for fault in listing.faults}
    assert reasons["cut/harbour"] == "run.json is not whole; evaluate again"
    assert reasons["wrong/harbour"].startswith("report.json is no report: dataset: ")
    assert reasons["noise/harbour"].startswith("report.json is no report: the file: ")
    assert reasons["alone/harbour"] == "report.json cannot be read: No such file or directory"
    assert str(tmp_path) not in str(reasons)


def test_what_changed_is_read_again(tmp_path: Path) -> None:
    store(tmp_path, "a/harbour", label="old")
    stored = StoredRuns(tmp_path)
    (first,) = stored.list().entries
    assert stored.list().entries[0] is first
    store(tmp_path, "a/harbour", label="new one")
    os.utime(tmp_path / "a/harbour/report.json", ns=(1, 1))
    assert stored.list().entries[0].report.label == "new one"


@pytest.mark.parametrize("name", ["b/harbour", "../secret", "a", "a/harbour/../../secret", ""])
def test_only_what_is_listed_can_be_opened(tmp_path: Path, name: str) -> None:
    store(tmp_path / "runs", "a/harbour")
    store(tmp_path, "secret")
    with pytest.raises(UnknownRunError, match="there is no run"):
        StoredRuns(tmp_path / "runs").load(name)


def test_a_run_that_is_bad_inside_is_refused_with_its_reason(tmp_path: Path) -> None:
    store(tmp_path, "a/harbour")
    (tmp_path / "a/harbour/run.json").write_text('{"queries": {}}\n')
    with pytest.raises(EvaluationError, match=r"a/harbour/run\.json is no stored run: ") as caught:
        StoredRuns(tmp_path).load("a/harbour")
    assert str(tmp_path) not in str(caught.value)


def test_a_run_that_is_too_large_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path, "a/harbour")
    monkeypatch.setattr(stored_runs, "MOST_BYTES", 100)
    with pytest.raises(EvaluationError, match=r"open its report\.html instead"):
        StoredRuns(tmp_path).load("a/harbour")


def test_an_older_report_is_as_old_as_its_file(tmp_path: Path) -> None:
    store(tmp_path, "a/harbour")
    file = tmp_path / "a/harbour/report.json"
    text = file.read_text().replace('"created_at": "2026-11-01T12:00:00Z"', '"created_at": null')
    file.write_text(text)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    (entry,) = StoredRuns(tmp_path).list().entries
    assert entry.created_at == datetime.fromtimestamp(1_700_000_000, UTC)
