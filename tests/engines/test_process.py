"""The starter of engines: what it waits for, what it says, what it leaves behind."""

import sys
from pathlib import Path

import pytest

from cluster.errors import MeshError, MissingEngineError
from tests.engines.process import elsewhere, needed, running

TOUCH = "import pathlib, time; pathlib.Path('up').touch(); time.sleep(60)"


def test_the_block_begins_when_ready_and_ends_the_process(tmp_path: Path) -> None:
    with running([sys.executable, "-c", TOUCH], (tmp_path / "up").exists, tmp_path) as process:
        assert process.poll() is None
    assert process.returncode is not None


def test_an_engine_that_dies_is_named_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no licence')"]
    with (
        pytest.raises(MeshError, match=r"ended with 1.*\n.*no licence"),
        running(command, lambda: False, tmp_path),
    ):
        pass


def test_a_missing_engine_fails_in_ci_and_is_skipped_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="neo4j needs java"), needed():
        raise MissingEngineError("neo4j needs java")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception), needed():
        raise MissingEngineError("neo4j needs java")


def test_an_address_in_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert elsewhere("nowhere") is None
    monkeypatch.setenv("PMOVES_TEST_REDIS_URL", "redis://box:6379")
    assert elsewhere("redis") == "redis://box:6379"
