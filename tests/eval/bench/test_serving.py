"""The benchmark of Serve around uvicorn, which answers the same."""

import psutil
import pytest

from eval.bench.noop_app import uvicorn_alone
from eval.bench.parts import ServedNoop
from eval.bench.serving import ServingPlan, bench_serving


def silent(stage: str, done: int, total: int) -> None:
    """Say nothing."""


@pytest.mark.integration
def test_rates_and_costs_of_what_is_served() -> None:
    with uvicorn_alone() as (url, pid):
        process = psutil.Process(pid)

        def cpu_seconds() -> dict[str, float]:
            times = process.cpu_times()
            return {"the server": times.user + times.system}

        served = ServedNoop(url, cpu_seconds)
        report = bench_serving(ServingPlan(clients=4, rounds=2, requests=500), served, silent)
    assert report.failures == 0
    assert report.ratio.low <= report.ratio.median <= report.ratio.high
    assert set(report.cpu_ms) == {"the server", "load generator"}
    assert min(report.cpu_ms.values()) > 0
    text = report.to_text()
    assert "| HAProxy and Serve" in text
    assert "cores do" in text
