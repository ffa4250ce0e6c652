"""What every process of a mesh inherits."""

import itertools
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from cluster.errors import ConfigError
from cluster.mesh.environment import client_environment, mesh_environment
from cluster.mesh.head import head_command, make_temp_dir, write_token
from cluster.mesh.state import MeshState
from cluster.settings import GIB, RaySettings
from tests.cluster.test_mesh_state import example


@pytest.fixture
def state(tmp_path: Path) -> MeshState:
    """A mesh that was planned and not started."""
    return example(tmp_path)


def test_the_mesh_keeps_to_itself(state: MeshState) -> None:
    inherited = {"RAY_ADDRESS": "10.0.0.1:6379", "PMOVES_URL": "http://other", "PATH": "/bin"}
    found = mesh_environment(state, {"PMOVES_SEARCH__ALPHA": "0.2"}, inherited)
    assert "RAY_ADDRESS" not in found
    assert "PMOVES_URL" not in found
    assert found["PMOVES_SEARCH__ALPHA"] == "0.2"
    assert (found["PMOVES_MESH_ID"], found["PMOVES_MESH_HOME"]) == ("one", state.home)
    assert found["PMOVES_HOME"] == state.home
    assert (found["RAY_AUTH_MODE"], found["RAY_AUTH_TOKEN_PATH"]) == ("token", state.token_path)
    assert found["RAY_USAGE_STATS_ENABLED"] == "0"
    assert found["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
    assert found["RAY_SERVE_HAPROXY_STATS_PORT"] == str(state.ports["haproxy_stats"])
    assert found["PATH"].endswith(os.pathsep + "/bin")
    # Ray would replace a loopback address by the machine's own.
    assert found["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"


def test_without_authentication_there_is_no_token(state: MeshState) -> None:
    open_state = state.model_copy(update={"auth_mode": "disabled", "token_path": None})
    found = mesh_environment(open_state, {}, {"RAY_AUTH_TOKEN_PATH": "/old"})
    assert found["RAY_AUTH_MODE"] == "disabled"
    assert "RAY_AUTH_TOKEN_PATH" not in found


def test_clients_learn_address_and_token(state: MeshState) -> None:
    found = client_environment(state)
    assert found["RAY_ADDRESS"] == state.ray_address
    assert found["RAY_API_SERVER_ADDRESS"] == state.dashboard_url
    assert found["RAY_USAGE_STATS_ENABLED"] == "0"
    assert found["RAY_AUTH_TOKEN_PATH"] == state.token_path


def test_the_head_offers_amounts_of_ones_own(state: MeshState) -> None:
    settings = RaySettings.model_validate({"resources": "rerank_slots=2"})
    options = dict(itertools.pairwise(head_command(state, settings)))
    assert options["--resources"] == '{"rerank_slots": 2.0}'
    assert "--resources" not in head_command(state, RaySettings())
    with pytest.raises(ValidationError, match="PMOVES_RAY__MEMORY"):
        RaySettings.model_validate({"resources": "memory=2GiB"})


def test_the_head_listens_on_loopback_and_takes_its_share(state: MeshState) -> None:
    command = head_command(state, RaySettings(num_cpus=3, memory=GIB))
    options = dict(itertools.pairwise(command))
    assert options["--node-ip-address"] == "127.0.0.1"
    assert options["--dashboard-host"] == "127.0.0.1"
    assert options["--port"] == str(state.ports["gcs"])
    assert options["--labels"] == "pmoves.io/tier=cpu"
    assert (options["--num-cpus"], options["--memory"]) == ("3", str(GIB))


def test_a_token_is_new_long_and_private(tmp_path: Path) -> None:
    path = tmp_path / "run" / "token"
    write_token(path)
    first = path.read_text()
    write_token(path)
    assert path.read_text() != first
    assert len(first) >= 32
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_long_temporary_folder_is_refused_with_the_setting(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 40)
    with pytest.raises(ConfigError, match="PMOVES_RAY__TEMP_DIR"):
        make_temp_dir(RaySettings(temp_dir=str(long)))
