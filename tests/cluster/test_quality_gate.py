"""The gate on the sample library, with the real model: what it refuses and what it lets pass."""

import asyncio
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster.cli.app import app
from cluster.sample_collection import sample_library
from eval.baseline import load_baseline
from eval.datasets.base import Dataset
from eval.evaluate import Options
from eval.known_items import MANY
from eval.library.questions import FOLDER
from eval.session import Plan, Session
from eval.suites.spec import load_suites
from eval.systems.local import LocalSystem
from retrieval.settings import LibrarySettings, SearchSettings
from tests.docs.pages import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
# `make soak` sets it; `make eval` is the first time.
REPETITIONS = int(os.environ.get("PMOVES_TEST_REPETITIONS", "0"))
PLAN = Plan(
    Options(modes=["hybrid"], metrics=["nDCG@10"]),
    known_items=MANY,
    suites=load_suites(FOLDER / "suites.yaml"),
    baseline=load_baseline(FOLDER / "baseline.json"),
)


@pytest.fixture(scope="module")
def library() -> Dataset:
    """The sample library, parsed and cut."""
    return sample_library()


@pytest.fixture(scope="module")
def home(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose corpus holds the sample library; the tests of this module share it."""
    return Path(shutil.copytree(sample_home, tmp_path_factory.mktemp("gate") / "home"))


async def gate(library: Dataset, home: Path, times: int = 1) -> list[Session]:
    """Hold the pipeline against the baseline, so many times."""
    system = LocalSystem(LibrarySettings(home=home, search=SearchSettings()))
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


@pytest.mark.skipif(not REPETITIONS, reason="see `make soak`; once is what `make eval` does")
def test_the_same_settings_are_never_refused(library: Dataset, home: Path) -> None:
    sessions = asyncio.run(gate(library, home, times=REPETITIONS))
    assert all(session.passed for session in sessions)


def test_a_projection_that_is_gone_is_refused(library: Dataset, home: Path, tmp_path: Path) -> None:
    broken = tmp_path / "home"
    shutil.copytree(home, broken)
    (corpus,) = (broken / "evaluations").glob("corpus-*")
    indices = corpus / "chunks.lance" / "_indices"
    texts = [folder for folder in indices.iterdir() if list(folder.glob("*tokens*"))]
    assert texts
    for folder in texts:
        shutil.rmtree(folder)
    (session,) = asyncio.run(gate(library, broken))
    assert not session.passed
    assert failed(session)
    assert all(report.modes[0].degraded == report.queries for report in session.reports)


def test_make_eval_refuses_words_without_meaning(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    makefile = ["make", "-s", "-n", "-C", str(ROOT), "-o", ".venv/.dev", "eval"]
    shown = subprocess.run(makefile, capture_output=True, text=True, check=True).stdout
    command = shlex.split(shown.replace("\\\n", " "))
    assert command[0].endswith("pmoves")
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PMOVES_HOME", str(home))
    monkeypatch.setenv("PMOVES_SEARCH__ALPHA", "0")
    found = CliRunner().invoke(app, [*command[1:], "--out", str(tmp_path / "run")])
    assert found.exit_code == 1, found.output
    assert "FAILED" in found.output
    assert "Queries that moved most in nDCG@10" in found.output
    assert "before 1." in found.output
    assert "after 1." in found.output
