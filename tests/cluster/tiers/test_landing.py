"""On several raylets of one machine, work lands where its order of tiers says."""

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
]
# Where something is served, and the best node dies and comes back; see `make soak`.
SERVED = {
    "served": "gpu",
    "served, gpu gone": "jetson",
    "moved too early": [],
    "moved": [["jetson"], "gpu"],
    "on the way": ["gpu", "jetson"],
    "again": [],
}
SERVES = "PMOVES_TEST_SOAK" in os.environ


def test_work_lands_on_the_best_tier_and_falls_to_the_next(tmp_path: Path) -> None:
    seen = tmp_path / "seen.json"
    ray = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    program = subprocess.run(
        [sys.executable, "-m", "tests.cluster.tiers.landing", str(seen)],
        env=os.environ | ray,
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 0, program.stderr[-4000:]
    expected = {
        "no tier there": None,
        "all tiers": "gpu",
        "jetson, then cpu": "cpu",
        "another card, then cpu": "cpu",
        "any but another card": "gpu",
        "all tiers, a slot": "cpu",
    }
    assert json.loads(seen.read_text()) == expected | (SERVED if SERVES else {})
