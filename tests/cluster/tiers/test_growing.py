"""Under load a node of the best tier is asked for, then of the next, and given back afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(600),
    pytest.mark.soak,
]


def test_nodes_are_asked_for_in_the_order_of_the_tiers_and_released(tmp_path: Path) -> None:
    target = tmp_path / "seen.json"
    ray = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    program = subprocess.run(
        [sys.executable, "-m", "tests.cluster.tiers.growing", str(target)],
        env=os.environ | ray,
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 0, program.stderr[-12000:]
    seen = json.loads(target.read_text())
    print(seen)
    times = {name for name in seen if name.endswith(" s")}
    assert {name: nodes for name, nodes in seen.items() if name not in times} == {
        "at rest": ["cpu"],
        # Neither a jetson nor another cpu, which could be had as well.
        "under some load": ["cpu", "gpu"],
        # There is but one gpu to be had.
        "under much load": ["cpu", "gpu", "jetson"],
        "at rest again": ["cpu"],
        "replicas left": 1,
    }
