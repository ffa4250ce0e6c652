"""What a process imports is what people wait for: at each command, and at each new replica."""

import json
import subprocess
import sys
from collections.abc import Mapping

# Of what costs a tenth of a second or more, and of what comes with it.
HTTP = {"httpx", "httpcore", "rich", "pygments"}
STORES = {"sqlalchemy", "alembic", "lance", "faiss"}
READERS = {"fsspec", "jinja2", "lxml"}


def loaded_after(modules: str) -> Mapping[str, set[str]]:
    """Return the top-level packages there are after each of `modules`, imported in that order."""
    code = (
        "import importlib, json, sys\n"
        "found = {}\n"
        f"for name in {modules.split()!r}:\n"
        "    importlib.import_module(name)\n"
        "    found[name] = sorted({module.partition('.')[0] for module in sys.modules})\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name: set(packages) for name, packages in json.loads(done.stdout).items()}


def test_commands_wait_for_no_store_and_for_no_arrays() -> None:
    loaded = loaded_after("cluster.config_report cluster.mesh.status cluster.access.http")
    assert loaded["cluster.config_report"].isdisjoint(HTTP | STORES | READERS | {"numpy", "ray"})
    assert loaded["cluster.access.http"].isdisjoint(STORES | READERS | {"numpy", "ray"})


def test_replicas_start_with_what_they_need() -> None:
    loaded = loaded_after(
        "serve_apps.embedder cluster.ingestor data_jobs.settings data_jobs.worker cluster.serving"
    )
    assert loaded["serve_apps.embedder"].isdisjoint(HTTP | STORES | READERS)
    assert loaded["cluster.ingestor"].isdisjoint(HTTP | STORES | READERS)
    assert loaded["data_jobs.worker"].isdisjoint(HTTP | READERS | {"faiss", "prometheus_client"})
    assert loaded["cluster.serving"].isdisjoint(HTTP | READERS | {"alembic"})
