"""Runs the application on a Ray of its own until standard input ends.

usage: gateway_on_ray.py HOME PORT; prints READY once requests are answered. The
environment must be that of `serve_apps.environment`.
"""

import os
import sys
import warnings

warnings.simplefilter("ignore")

import ray  # noqa: E402
from ray import serve  # noqa: E402

from serve_apps.app import build  # noqa: E402
from serve_apps.settings import AppArgs  # noqa: E402


def main(home: str, port: int) -> None:
    """Bring everything up, wait, and take it down again."""
    ray.init(
        address="local",
        num_cpus=4,
        object_store_memory=200 * 2**20,
        include_dashboard=True,
        dashboard_port=int(os.environ["TEST_DASHBOARD_PORT"]),
        _temp_dir=os.environ["TEST_RAY_FOLDER"],
    )
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(build(AppArgs.model_validate({"home": home})), name="pmoves")
    print("READY", flush=True)
    sys.stdin.read()
    serve.shutdown()  # type: ignore[no-untyped-call]
    ray.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
