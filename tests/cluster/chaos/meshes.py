"""A mesh of its own for a test, with whatever its environment is to hold."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.chaos.mesh import RunningMesh
from cluster.mesh.state import read_state
from tests.serve_apps.test_serve import SOURCES, free_port, pmoves


@contextmanager
def started_mesh(home: Path, **variables: str) -> Iterator[RunningMesh]:
    """Bring up a mesh in `home` for the time of the block; fail with what `up` said."""
    inherited = {name: value for name, value in os.environ.items() if "PMOVES_" not in name}
    environment = inherited | {
        "PMOVES_HOME": str(home),
        "PMOVES_HTTP__PORT": str(free_port()),
        "PMOVES_RAY__READY_S": "240",
        # On a machine this busy, a side that is late is no fault.
        "PMOVES_SEARCH__LEXICAL_TIMEOUT_MS": "20000",
        "PMOVES_SEARCH__DENSE_TIMEOUT_MS": "20000",
        "PYTHONPATH": str(SOURCES),
        **variables,
    }
    up = pmoves(environment, "up", "--detach")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        state = read_state(home / "run")
        assert state is not None
        yield RunningMesh(state)
    finally:
        pmoves(environment, "down")
