"""The gate on the sample library, with the real model: what it refuses and what it lets pass."""

import asyncio
from pathlib import Path

import pytest

from cluster.sample_collection import sample_library
from eval.baseline import load_baseline
from eval.datasets.base import Dataset
from eval.evaluate import Options
from eval.library.questions import FOLDER
from eval.session import Plan, Session
from eval.suites.spec import load_suites
from eval.systems.local import LocalSystem
from retrieval.settings import LibrarySettings, SearchSettings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
PLAN = Plan(
    Options(modes=["hybrid"], metrics=["nDCG@10"]),
    known_items=True,
    suites=load_suites(FOLDER / "suites.yaml"),
    baseline=load_baseline(FOLDER / "baseline.json"),
)


@pytest.fixture(scope="module")
def library() -> Dataset:
    """The sample library, parsed and cut."""
    return sample_library()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose corpus the tests of this module share."""
    return tmp_path_factory.mktemp("gate")


async def gate(
    library: Dataset, home: Path, search: SearchSettings, times: int = 1
) -> list[Session]:
    """Hold the pipeline with settings `search` against the baseline, so many times."""
    system = LocalSystem(LibrarySettings(home=home, search=search))
    try:
        return [
            await Session.run(library, system, PLAN, lambda _stage, _done, _total: None)
            for _ in range(times)
        ]
    finally:
        await system.close()


def failed(session: Session) -> set[str]:
    """Return the suites that failed as a regression."""
    return {
        check.suite
        for report in session.reports
        for suite in report.suites
        for check in suite.failures
        if check.rule == "max_regression"
    }


def test_the_same_settings_are_never_refused(library: Dataset, home: Path) -> None:
    sessions = asyncio.run(gate(library, home, SearchSettings(), times=10))
    assert all(session.passed for session in sessions)


@pytest.mark.parametrize("alpha", [0.0, 1.0], ids=["no meaning", "no words"])
def test_a_side_that_is_dropped_is_refused(library: Dataset, home: Path, alpha: float) -> None:
    (session,) = asyncio.run(gate(library, home, SearchSettings(alpha=alpha)))
    assert not session.passed
    assert failed(session)
    assert any("Queries that moved most in nDCG@10" in text for text in session.moved)
