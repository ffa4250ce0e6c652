"""Jobs that are submitted to a running Ray give what the same commands give elsewhere."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from typer.testing import CliRunner

from cluster.cli.app import app
from cluster.mesh.head import interpreter
from data_jobs.settings import JobSettings
from eval.sweep.report import SweepReport
from retrieval.corpus.store import Corpus
from retrieval.jobs import JobStore
from tests.data_jobs.library import write_library
from tests.eval.sweep.collection import write_beir

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(900),
]

ROOT = Path(__file__).parents[2]
BINARIES = Path(sys.executable).parent


@dataclass(frozen=True)
class Head:
    """A Ray head of the test's own: where its dashboard is, and what its clients need."""

    dashboard: str
    environment: Mapping[str, str]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A folder of files that are all readable."""
    folder = tmp_path / "my library"
    write_library(folder)
    for name in ("cut.pdf", "noise.bin"):
        (folder / name).unlink()
    return folder


def environment_of(home: Path) -> dict[str, str]:
    """Return the environment of a Ray whose jobs write into `home`."""
    own = {
        "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}",
        "PMOVES_HOME": str(home),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }
    return {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | own


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    """A Ray for all tests of this module."""
    environment = environment_of(tmp_path_factory.mktemp("head") / "home")
    # Unix sockets want a short path, and pytest's are long.
    folder = tempfile.mkdtemp(prefix="ray-")
    gcs, dashboard, client, agent = free_ports(4)
    command = [
        *(interpreter(Path(folder)), "-m", "ray.scripts.scripts"),
        *("start", "--head", "--block", "--num-cpus=2", "--object-store-memory=200000000"),
        *("--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1", f"--temp-dir={folder}"),
        *(f"--port={gcs}", f"--dashboard-port={dashboard}", f"--ray-client-server-port={client}"),
        f"--dashboard-agent-listen-port={agent}",
    ]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_for(f"http://127.0.0.1:{dashboard}/api/version", environment, process)
            yield Head(f"http://127.0.0.1:{dashboard}", environment)
        finally:
            end(process)
            shutil.rmtree(folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_for(url: str, environment: Mapping[str, str], process: subprocess.Popen[bytes]) -> None:
    headers = {"Authorization": f"Bearer {environment['RAY_AUTH_TOKEN']}"}
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            if httpx.get(url, headers=headers, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise TimeoutError(url)


def end(process: subprocess.Popen[bytes]) -> None:
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()
    psutil.wait_procs(family, timeout=60)


def assert_ingested(home: Path) -> None:
    settings = JobSettings(home=home)
    corpus = Corpus.open_existing(settings.corpus_uri)
    rows = corpus.documents(["tests"]).documents
    assert len(rows) == 8
    assert {row.status for row in rows} == {"ready"}
    (job,) = JobStore(settings.state_url).list().jobs
    assert (job.state, job.done, job.total) == ("succeeded", 8, 8)


def test_a_job_is_submitted_with_the_checkout_as_working_directory(
    head: Head, library: Path, tmp_path: Path
) -> None:
    command = [
        *(str(BINARIES / "ray"), "job", "submit", "--address", head.dashboard),
        *("--working-dir", str(ROOT), "--"),
        *("python", "-m", "data_jobs.ingest", str(library), "--namespace", "tests"),
    ]
    done = submitted(command, head, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 ready" in done.stdout
    assert_ingested(Path(head.environment["PMOVES_HOME"]))


@pytest.mark.soak
def test_a_sweep_is_submitted_and_its_indexes_are_tasks(
    head: Head, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "home"))
    spec = tmp_path / "sweep.yaml"
    tried = "grid: {alpha: [0.2, 0.7]}, index: {chunk_size: [16]}"
    spec.write_text(f"{{dataset: {write_beir(tmp_path / 'boats')}, folds: 2, {tried}}}")

    def sweep(name: str) -> list[str]:
        folders = ("--work", str(tmp_path / f"work {name}"), "--out", str(tmp_path / name))
        return ["sweep", str(spec), *folders]

    command = [
        *(str(BINARIES / "ray"), "job", "submit", "--address", head.dashboard),
        *("--working-dir", str(ROOT), "--", "python", "-m", "cluster.cli"),
        *sweep("there"),
    ]
    done = submitted(command, head, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "trials: 2 of 2" in done.stdout
    assert "retrieve:" not in done.stdout
    assert "<!doctype html>" in (tmp_path / "there" / "sweep.html").read_text()
    here = CliRunner().invoke(app, [*sweep("here"), "--local"])
    assert here.exit_code == 0, here.output
    reports = [
        SweepReport.model_validate_json((tmp_path / name / "sweep.json").read_text())
        for name in ("there", "here")
    ]
    assert reports[0].trials == reports[1].trials
    assert len(reports[0].trials) == 3


def submitted(command: list[str], head: Head, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command once the head takes jobs, which is a while after it answers."""
    while True:
        done = subprocess.run(
            command, env=dict(head.environment), capture_output=True, text=True, cwd=folder
        )
        if "No available agent to submit job" not in done.stderr:
            return done
        time.sleep(1)


def test_the_command_starts_a_ray_of_its_own(library: Path, tmp_path: Path) -> None:
    environment = environment_of(tmp_path / "home")
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        environment.pop(name)
    command = [sys.executable, "-m", "data_jobs.ingest", f"{library}/**", "--namespace", "tests"]
    done = subprocess.run(
        [*command, "--json"], env=environment, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ready"] == 8
    assert "starting Ray" in done.stderr
    assert all(line.lstrip()[0].isdigit() for line in done.stderr.splitlines())
    assert_ingested(tmp_path / "home")
