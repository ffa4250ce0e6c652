"""The engines of the demo: what is said of them, what leads to them, that they end."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from cluster import demo
from cluster.engines import profile
from cluster.engines.process import running
from cluster.engines.profile import Environment, engines_profile, talking
from cluster.errors import MissingEngineError

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


class Engines:
    """Two processes that do nothing, in the place of engines; `pids` are theirs."""

    def __init__(self) -> None:
        self.pids: list[int] = []

    @contextmanager
    def one(self, folder: Path) -> Iterator[tuple[str, Environment]]:
        with running(SLEEP, lambda: True, folder) as process:
            self.pids.append(process.pid)
            yield "http://one", {"PMOVES_ONE": str(folder)}

    @contextmanager
    def broken(self, folder: Path) -> Iterator[tuple[str, Environment]]:
        raise MissingEngineError("Two needs mvn; scripts/programs engines installs it")
        yield "", {}


@pytest.fixture
def engines() -> Engines:
    return Engines()


def test_each_is_told_of_and_all_end_with_the_block(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(profile, "_ENGINES", {"One": engines.one, "Two": engines.one})
    with engines_profile(said.append) as environment:
        assert environment["PMOVES_PROFILE"] == "cluster"
        folder = Path(environment["PMOVES_ONE"])
        assert folder.is_dir()
        assert all(psutil.pid_exists(pid) for pid in engines.pids)
    assert [line.split(" (")[0] for line in said[:2]] == [
        "   One at http://one",
        "   Two at http://one",
    ]
    assert said[2:] == ["Stop the engines."]
    assert len(engines.pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in engines.pids)
    assert not folder.exists()


def test_a_missing_one_ends_the_demo_and_those_that_were_started(
    engines: Engines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(profile, "_ENGINES", {"One": engines.one, "Two": engines.broken})
    before = dict(os.environ)
    assert demo.main("engines") == 1
    printed = capsys.readouterr()
    assert "One at http://one" in printed.out
    assert "the demo failed: Two needs mvn; scripts/programs engines installs it" in printed.err
    assert not any(psutil.pid_exists(pid) for pid in engines.pids)
    assert dict(os.environ) == before


def test_an_unknown_profile_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main("motors") == 2
    assert "no profile 'motors'" in capsys.readouterr().err


def test_what_takes_long_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(profile, "_SILENCE_S", 0.001)
    with talking("starting One", said.append):
        while len(said) < 2:
            time.sleep(0.001)
    done = len(said)
    assert said[0].startswith("   … starting One, ")
    time.sleep(0.01)
    assert len(said) == done
