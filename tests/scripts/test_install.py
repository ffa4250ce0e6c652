"""`scripts/install`, in a project of its own, with PyTorch from another index."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engines.torch_index import torch_index, wheel

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
# A build backend without packages of its own, so that nothing else is fetched.
_BACKEND = """
import zipfile
def build_editable(folder, settings=None, metadata=None):
    name, info = "shelf-1-py3-none-any.whl", "shelf-1.dist-info"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as made:
        made.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: shelf\\nVersion: 1\\n")
        made.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        made.writestr(f"{info}/RECORD", "")
    return name
"""
_PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "shelf"
version = "1"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the scripts, the pinned PyTorch and no other packages."""
    folder = tmp_path / "a project"
    (folder / "requirements").mkdir(parents=True)
    (folder / "scripts").mkdir()
    for name in ("scripts/install", "scripts/uv", "requirements/torch.txt"):
        shutil.copy(ROOT / name, folder / name)
    (folder / ".venv-uv").symlink_to(ROOT / ".venv-uv")
    for name in ("default", "sentence-transformers"):
        (folder / "requirements" / f"{name}.txt").write_text("")
    (folder / "pyproject.toml").write_text(_PROJECT)
    (folder / "backend.py").write_text(_BACKEND)
    return folder


def pinned() -> str:
    lines = (ROOT / "requirements" / "torch.txt").read_text().splitlines()
    return next(line.split()[0] for line in lines if line.startswith("torch=="))[len("torch==") :]


@pytest.mark.parametrize("backend", ["cpu", "cu128"])
def test_torch_comes_from_the_chosen_backend(project: Path, tmp_path: Path, backend: str) -> None:
    version = f"{pinned()}+{backend}"
    with torch_index(tmp_path, wheel("torch", version), wheel("torch", "99.0")) as index:
        environment = os.environ | {
            "TORCH": backend,
            "HTTPS_PROXY": index.proxy,
            "SSL_CERT_FILE": str(index.ca_file),
            "UV_CACHE_DIR": str(tmp_path / "cache"),
        }
        command = ["scripts/install", "sentence-transformers"]
        subprocess.run(command, cwd=project, env=environment, check=True)
    assert all(path.startswith(f"/whl/{backend}/torch/") for path in index.asked)
    asked = "import importlib.metadata as known; print(known.version('torch'))"
    found = subprocess.check_output([project / ".venv/bin/python", "-c", asked], text=True)
    assert found.strip() == version
