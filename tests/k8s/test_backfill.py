"""The manifests of backfills hold what KubeRay's definitions ask for, and run what there is.

The definitions are not ours to pack: `PMOVES_TEST_CRDS` names a folder with
`ray.io_rayjobs.yaml` and `ray.io_raycronjobs.yaml` of KubeRay.
"""

import os
import shlex
from pathlib import Path
from typing import Any

import pytest
import ray
import yaml
from jsonschema import Draft7Validator

from data_jobs.backfill.__main__ import _parser
from data_jobs.backfill.spec import BackfillSpec
from tests.docs.pages import ROOT

FOLDER = ROOT / "k8s/backfill"
CRDS = os.environ.get("PMOVES_TEST_CRDS", "")
DEFINITIONS = {"once.yaml": "ray.io_rayjobs.yaml", "nightly.yaml": "ray.io_raycronjobs.yaml"}


def manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return found


def job() -> dict[str, Any]:
    found: dict[str, Any] = manifest("once.yaml")["spec"]
    return found


def test_both_run_the_same_job() -> None:
    assert manifest("nightly.yaml")["spec"]["jobTemplate"] == job()


def test_the_specification_is_one() -> None:
    config = manifest("spec.yaml")
    spec = BackfillSpec.model_validate(yaml.safe_load(config["data"]["spec.yaml"]))
    volume = job()["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["volumes"][1]
    assert volume["configMap"]["name"] == config["metadata"]["name"]
    mounts = job()["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    paths = [mount["mountPath"] for mount in mounts["volumeMounts"]]
    assert all(any(source.uri.startswith(path) for path in paths) for source in spec.sources)


def test_the_command_is_one_that_there_is() -> None:
    command = shlex.split(job()["entrypoint"])
    assert command[:3] == ["python", "-m", "data_jobs.backfill"]
    assert _parser().parse_args(command[3:]).spec == Path("/etc/pmoves/spec.yaml")


def test_ray_is_the_one_that_is_pinned() -> None:
    assert job()["rayClusterSpec"]["rayVersion"] == ray.__version__


@pytest.mark.skipif(not CRDS, reason="PMOVES_TEST_CRDS names no folder of KubeRay's definitions")
@pytest.mark.parametrize("name", DEFINITIONS)
def test_kuberay_takes_the_manifest(name: str) -> None:
    definition = yaml.safe_load((Path(CRDS) / DEFINITIONS[name]).read_text())
    (version,) = (v for v in definition["spec"]["versions"] if v["name"] == "v1")
    schema = _strict(version["schema"]["openAPIV3Schema"])
    found = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in Draft7Validator(schema).iter_errors(manifest(name))
    ]
    assert found == []


def _strict(schema: Any) -> Any:
    """Return a definition as Kubernetes reads it: fields that it does not name are refused."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _strict(value) for name, value in schema.items()}
    if schema.get("x-kubernetes-int-or-string"):
        strict.pop("type", None)
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        top = "apiVersion" in schema["properties"]
        if not top and not schema.get("x-kubernetes-preserve-unknown-fields"):
            strict.setdefault("additionalProperties", False)
    return strict
