"""Ingesting the set by the command that users run, killed again and again, and watched."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from data_jobs.settings import JobSettings
from eval.bench.peers.memory import Peak, memory_of
from retrieval.corpus.store import Corpus
from retrieval.errors import PmovesError

NAMESPACE = "mixed"
# Tighter than the defaults, so that hostile files are small.
LIMITS = {
    "PMOVES_INGEST__PARSE_MEMORY_BYTES": str(2**30),
    "PMOVES_INGEST__MAX_EXPANDED_BYTES": str(256 * 2**20),
    "PMOVES_INGEST__PARSE_SECONDS": "60",
    "PMOVES_INGEST__SLOW_SECONDS": "240",
}
_LOOK_SECONDS = 0.5
_GONE_SECONDS = 60.0
# These try for minutes to tell the control service, gone too, that all is over.
_AGENTS = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")


@dataclass(slots=True)
class Runs:
    """What it took: exit code of the last run, seconds in all, the most memory (PSS), kills.

    `left_over` are the processes of killed runs, but for Ray's agents, that had not gone a
    minute later.
    """

    code: int | None = None
    seconds: float = 0.0
    peak_bytes: int = 0
    kills: int = 0
    left_over: list[str] = field(default_factory=list)


def ingest(
    folder: Path,
    home: Path,
    kills: int,
    total: int,
    seed: int,
    limits: Mapping[str, str] = LIMITS,
) -> Runs:
    """Ingest `folder` into `home`; kill the job at `kills` random moments of its `total` files.

    A moment is a number of documents in the ledger. The run after the last kill ends by itself.
    `limits` are added to the environment of the job.
    """
    chance, runs = random.Random(seed), Runs()
    moments = sorted(chance.randint(1, max(1, int(0.95 * total))) for _ in range(kills))
    home.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    for moment in [*moments, None]:
        _run(folder, home, moment, chance.random(), runs, limits)
    runs.seconds = time.monotonic() - started
    return runs


def documents(home: Path) -> int:
    """Return how many documents the ledger of `home` has."""
    try:
        corpus = Corpus.open_existing(JobSettings(home=home).corpus_uri)
        return sum(each.documents for each in corpus.namespaces().values())
    except (PmovesError, OSError):
        # It may not be there yet.
        return 0


def _run(
    folder: Path,
    home: Path,
    moment: int | None,
    delay: float,
    runs: Runs,
    limits: Mapping[str, str],
) -> None:
    """Run the job to its end, or kill it `delay` seconds after it wrote document `moment`."""
    command = [sys.executable, "-m", "data_jobs.ingest", str(folder), "--namespace", NAMESPACE]
    with (home / "told.txt").open("ab") as told:
        job = subprocess.Popen(
            [*command, "--json"],
            env=os.environ | dict(limits) | {"PMOVES_HOME": str(home)},
            stdout=told,
            stderr=told,
        )
    try:
        for tree in _watched(job, runs):
            if moment is not None and documents(home) >= moment:
                time.sleep(delay)
                _kill(job, tree, runs)
    finally:
        job.kill()
        runs.code = job.wait()


def _watched(job: "subprocess.Popen[bytes]", runs: Runs) -> Iterator[list[psutil.Process]]:
    """Yield the processes of the job twice a second while it runs, their memory noted."""
    peak = Peak()
    while job.poll() is None:
        tree: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(job.pid)
            tree = [root, *root.children(recursive=True)]
        peak.note(memory_of(tree))
        runs.peak_bytes = max(runs.peak_bytes, peak.most.pss)
        yield tree
        time.sleep(_LOOK_SECONDS)


def _kill(job: "subprocess.Popen[bytes]", tree: list[psutil.Process], runs: Runs) -> None:
    """Kill the job alone; see that all it had started goes too, and end what does not."""
    agents = [process for process in tree if _told(process).startswith(_AGENTS)]
    job.send_signal(signal.SIGKILL)
    job.wait()
    runs.kills += 1
    others = [process for process in tree if process not in agents]
    left = psutil.wait_procs(others, _GONE_SECONDS)[1]
    runs.left_over += map(_told, left)
    for process in (*agents, *left):
        with contextlib.suppress(psutil.Error):
            process.kill()


def _told(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()).strip()[:200]
    except psutil.Error:
        return ""
