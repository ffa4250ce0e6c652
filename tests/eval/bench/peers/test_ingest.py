"""The comparison of ingestion, around a process that only counts files."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.bench.parts import Ingested
from eval.bench.peers.haystack_ingest import NAME, HaystackIngestion
from eval.bench.peers.ingest import PeersIngestPlan, bench_peers_ingest
from eval.bench.peers.mesh import NAME as OURS
from eval.bench.peers.processes import peer_process
from eval.errors import EvaluationError

PLAN = PeersIngestPlan(files=4, rounds=2)
# Fails on every Markdown file, and ends when it is told of a folder called "end".
COUNTING = """
import json, pathlib, sys
print("{}", flush=True)
for line in sys.stdin:
    wanted = json.loads(line)
    folder = pathlib.Path(wanted["folder"])
    if folder.name == "end":
        sys.exit("cannot go on")
    files = list(folder.iterdir())
    failed = sum(file.suffix == ".md" for file in files)
    ready = len(files) - failed
    print(json.dumps({"ready": ready, "failed": failed, "passages": 3 * ready}), flush=True)
"""


def silent(stage: str, done: int, total: int) -> None:
    """Say nothing."""


def counted(folder: Path, embed: bool) -> Ingested:
    """Return an account of the files of `folder`."""
    return Ingested(len(list(folder.iterdir())), 0, 7 if embed else 5)


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[HaystackIngestion]:
    command = [sys.executable, "-c", COUNTING]
    log = tmp_path / "log"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with peer_process(command, log, {}, **pipes) as process:
        ingestion = HaystackIngestion(process, log)
        ingestion.wait_until_ready()
        yield ingestion


def test_both_get_new_files_each_round_with_and_without_embedding(
    theirs: HaystackIngestion,
) -> None:
    seen: list[tuple[bytes, bool]] = []

    def ours(folder: Path, embed: bool) -> Ingested:
        seen.extend((file.read_bytes(), embed) for file in folder.glob("*.md"))
        return counted(folder, embed)

    report = bench_peers_ingest(PLAN, ours, theirs, {"haystack-ai": "3"}, silent)
    # Two of the files of the warm-up are Markdown, and one in each round.
    assert len(seen) == 2 + 2 * 2
    assert len(set(seen)) == len(seen)
    sides = {(side.name, side.embedded): side for side in report.sides}
    assert [sides[OURS, embed].passages for embed in (True, False)] == [7, 5]
    assert [side.failures for side in report.sides] == [0, 2, 0, 2]
    assert all(side.files_per_s > 0 and side.memory.pss > 0 for side in report.sides)
    assert sides[OURS, True].memory.pss > sides[NAME, True].memory.pss
    text = report.to_text()
    assert f"| {NAME}, with embedding" in text
    assert text.count("Target files/s") == 2


def test_files_that_went_astray_are_no_figure(theirs: HaystackIngestion) -> None:
    def ours(folder: Path, embed: bool) -> Ingested:
        return Ingested(1, 0, 1)

    with pytest.raises(EvaluationError, match=f"{OURS} gave account of 1 of 8 files"):
        bench_peers_ingest(PLAN, ours, theirs, {}, silent)


def test_a_peer_that_ends_says_why(theirs: HaystackIngestion, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"ended; the end of .*\ncannot go on"):
        theirs.ingest(tmp_path / "end", embed=True)
    with pytest.raises(EvaluationError, match="ended"):
        theirs.ingest(tmp_path, embed=True)
