"""`pmoves chaos` over real meshes: nothing wrong, nothing lost, and a table for each.

Each test is a mesh of its own, laid out so that what is struck is there; the figures stand
under "Kill parts of your own" in docs/operations.md.
"""

import json
import time
from pathlib import Path

import pytest

from tests.cluster.chaos.striking import small_file_system, strike
from tests.cluster.meshes import Mesh, started_mesh
from tests.engines.redis import redis_server
from tests.retrieval.rerank.checkpoints import make_classifier
from tests.serve_apps.second_machine import second_machine

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(900),
    pytest.mark.soak,
]
_STOPPED_S = 8.0
_SPREAD_S = 180.0
_GATEWAY = "ServeReplica:pmoves:gateway"
_TWO_GATEWAYS = {"PMOVES_SERVE__GATEWAY_REPLICAS": "2"}


def test_replicas_of_the_reranker(tmp_path: Path) -> None:
    variables = {
        "PMOVES_RERANK__ENABLED": "true",
        # Scores of one half keep the order, so that every answer can be compared.
        "PMOVES_RERANK__MODEL": str(make_classifier(tmp_path / "model", spread=0.0)),
        "PMOVES_RERANK__CACHE_ENTRIES": "0",
    }
    with started_mesh(tmp_path / "home", **variables) as mesh:
        report = strike(mesh, "reranker", freeze_s=_STOPPED_S)
    assert report.ok
    # Searches did go through it.
    assert any(row.degraded for row in report.rows)


@pytest.mark.parametrize("replicas", [1, 2], ids=["of-1", "of-several"])
def test_replicas_of_shards(tmp_path: Path, replicas: int) -> None:
    variables = {"PMOVES_DENSE__SHARDS": "2", "PMOVES_SERVE__SHARD_REPLICAS": str(replicas)}
    with started_mesh(tmp_path / "home", **variables) as mesh:
        report = strike(mesh, "shard", freeze_s=_STOPPED_S)
    assert report.ok


def test_a_raylet_that_has_joined_and_the_ingestor(tmp_path: Path) -> None:
    with (
        started_mesh(tmp_path / "home") as mesh,
        second_machine(mesh.state, drain_s=60) as raylet,
    ):
        spread(mesh, gateway=3, embedder=2)
        assert raylet.pid in {each.ppid() for each in mesh.processes(_GATEWAY).values()}
        report = strike(mesh, "machine", "ingestor", freeze_s=_STOPPED_S)
    assert report.ok


def test_the_ingestor_while_a_job_is_in_its_hands(tmp_path: Path) -> None:
    with started_mesh(tmp_path / "home") as mesh:
        report = strike(mesh, "ingestor", freeze_s=_STOPPED_S)
    assert (len(report.rows), report.wrong_answers, report.ended) == (2, [], "")
    assert report.ok


def spread(mesh: Mesh, **replicas: int) -> None:
    """Replace every replica by so many, which Serve spreads over what has joined meanwhile."""
    before = mesh.processes(_GATEWAY)
    mesh.deploy(serve={f"{name}_replicas": count for name, count in replicas.items()})
    given_up = time.monotonic() + _SPREAD_S
    while before.keys() & mesh.processes(_GATEWAY).keys() or not mesh.is_whole(replicas):
        assert time.monotonic() < given_up, mesh.running()
        time.sleep(0.5)


def test_the_control_service_and_the_whole_head(tmp_path: Path) -> None:
    with started_mesh(tmp_path / "home") as mesh:
        report = strike(mesh, "gcs", "head", freeze_s=_STOPPED_S)
    assert report.ok


@pytest.mark.parametrize("part", ["gcs", "head"])
def test_a_mesh_whose_tables_are_in_redis(tmp_path: Path, part: str) -> None:
    password = "tests only"
    with redis_server(tmp_path, password) as address:
        variables = {"PMOVES_RAY__REDIS_ADDRESS": address, "PMOVES_RAY__REDIS_PASSWORD": password}
        with started_mesh(tmp_path / "home", **variables) as mesh:
            report = strike(mesh, part, freeze_s=_STOPPED_S)
    assert report.ok


def test_calls_that_are_dropped_or_late(tmp_path: Path) -> None:
    dropped = {"num_failures": -1, "req_failure_prob": 2, "resp_failure_prob": 2}
    calls = {
        "RAY_testing_rpc_failure": json.dumps({"CoreWorkerService.grpc_client.PushTask": dropped}),
        "RAY_testing_asio_delay_us": "CoreWorkerService.grpc_server.PushTask=0:50000",
    }
    with started_mesh(tmp_path / "home", **_TWO_GATEWAYS, **calls) as mesh:
        report = strike(mesh, "none", "gateway", "embedder")
    assert (report.wrong_answers, report.lost_writes, report.ended) == ([], [], "")
    # Serve takes a replica whose health check was dropped for dead, at times every one of them.
    ended = {what.split(": ")[1] for row in report.rows for what in row.outcomes}
    assert ended <= {"answered", "refused cleanly", "broken off"}


def test_a_full_disk_and_a_full_object_store(tmp_path: Path) -> None:
    with (
        small_file_system(tmp_path / "disk", "400m") as disk,
        started_mesh(disk / "home") as mesh,
    ):
        report = strike(mesh, "disk", "objects")
    assert report.ok
