"""Real meshes for tests: one that many share, and others of a test's own."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.chaos.mesh import RunningMesh
from cluster.mesh.bringup import serve_config
from cluster.mesh.dashboard import Dashboard
from cluster.mesh.state import read_state
from cluster.settings import Settings
from tests.retrieval.rerank.checkpoints import make_classifier

SOURCES = Path(__file__).parents[2]
ROOM = 32
_OTHERS = ("PMOVES_", "RAY_")
# On a machine this busy, a part that is late is no fault.
_PATIENT = {
    "PMOVES_RAY__READY_S": "240",
    "PMOVES_SEARCH__LEXICAL_TIMEOUT_MS": "20000",
    "PMOVES_SEARCH__DENSE_TIMEOUT_MS": "20000",
    "PMOVES_SERVE__EMBEDDER_PATIENCE_MS": "10000",
}


@dataclass(frozen=True)
class Mesh(RunningMesh):
    """A running mesh, and the environment in which it was started."""

    environment: Mapping[str, str]

    @property
    def home(self) -> Path:
        """Where it keeps everything."""
        return Path(self.state.home)

    @property
    def roots(self) -> Path:
        """The folder from which the shared mesh reads files that callers name."""
        return self.home.parent / "library"

    def pmoves(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line beside the mesh's home."""
        return pmoves(self.environment, *arguments, cwd=self.home.parent)

    def deploy(self, **args: object) -> None:
        """Give Serve the configuration of this mesh, with `args` as other settings."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            config = serve_config(Settings(), self.state.serve_host, args=args)
        with Dashboard(self.state) as dashboard:
            dashboard.deploy(config, 60)


def pmoves(
    environment: Mapping[str, str], *arguments: str, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-m", "cluster.cli", *arguments]
    return subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, check=False, cwd=cwd
    )


def free_port() -> int:
    """Return a port that nobody listens on, below those that the system gives away itself."""
    while True:
        port = 20_000 + secrets.randbelow(9_999)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def started_mesh(home: Path, **variables: str) -> Iterator[Mesh]:
    """Bring up a mesh in `home` for the time of the block; fail with what `up` said."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
    environment = inherited | {
        "PMOVES_HOME": str(home),
        "PMOVES_HTTP__PORT": str(free_port()),
        # Others may take Ray's usual ports between the look at them and the start.
        "PMOVES_RAY__PORT": str(free_port()),
        "PMOVES_RAY__DASHBOARD_PORT": str(free_port()),
        "PYTHONPATH": str(SOURCES),
        **_PATIENT,
        **variables,
    }
    up = pmoves(environment, "up", "--detach")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        state = read_state(home / "run")
        assert state is not None
        yield Mesh(state, environment)
    finally:
        pmoves(environment, "down")


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A mesh that tests share, over an empty corpus, in a home whose path holds a space.

    Its vectors are in two shards, and a small reranker scores where it is asked for.
    Tests that break or end it come last; see `late`.
    """
    place = tmp_path_factory.mktemp("mesh with spaces")
    roots = place / "library"
    roots.mkdir()
    with started_mesh(
        place / "home",
        PMOVES_INGEST__ROOTS=f'["{roots}"]',
        PMOVES_HTTP__MAX_IN_FLIGHT=str(ROOM),
        PMOVES_DENSE__SHARDS="2",
        PMOVES_RERANK__ENABLED="true",
        PMOVES_RERANK__BY_DEFAULT="false",
        PMOVES_RERANK__MODEL=str(make_classifier(place / "tiny")),
    ) as started:
        yield started
