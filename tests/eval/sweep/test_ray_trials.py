"""Trials as tasks of a real Ray, with the real model, give what trials in this process give."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.cutting import IngestCutter
from data_jobs.session import ray_session
from eval.datasets.base import Dataset
from eval.suites.spec import Collection
from eval.sweep.points import IndexSetting
from eval.sweep.ray_trials import RayTrials, trial_cpus
from eval.sweep.trials import Job, LocalTrials
from eval.sweep.workplace import load_model
from tests.eval.sweep.collection import CUT, NOW, workplace

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(900),
]

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


@pytest.mark.parametrize(("free", "cpus"), [(8.0, 1.0), (1.0, 1.0), (0.699, 0.69), (0.0, 0.1)])
def test_a_trial_takes_what_a_mesh_leaves(free: float, cpus: float) -> None:
    assert trial_cpus(free) == pytest.approx(cpus)


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
