"""Environments of the peers, made for real from one tiny package."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from eval.bench.peers.environment import (
    CHECKOUT,
    Pins,
    ensure_environment,
    package_versions,
    peer_pins,
)
from eval.errors import EvaluationError


def wheel(folder: Path, version: str) -> Path:
    """Write a wheel of the package `tinypeer`."""
    file = folder / f"tinypeer-{version}-py3-none-any.whl"
    info = f"tinypeer-{version}.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tinypeer.py", f"print('tiny {version}')")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tinypeer\nVersion: {version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return file


def pins(folder: Path, line: str) -> Pins:
    """Write the requirements of an environment called `tiny`."""
    file = folder / "tiny.txt"
    file.write_text(f"{line}\n", encoding="utf-8")
    return Pins("tiny", file)


@pytest.mark.integration
def test_an_environment_is_made_once_and_anew_with_other_pins(tmp_path: Path) -> None:
    home = tmp_path / "peers"
    first = pins(tmp_path, str(wheel(tmp_path, "1.0")))
    python = ensure_environment(first, home)
    assert package_versions(python, ["tinypeer"]) == {"tinypeer": "1.0"}
    said = subprocess.run([python, "-c", "import tinypeer"], capture_output=True, check=True)
    assert said.stdout == b"tiny 1.0\n"
    kept = python.parent / "kept"
    kept.touch()
    assert ensure_environment(first, home) == python
    assert kept.exists()
    ensure_environment(pins(tmp_path, str(wheel(tmp_path, "2.0"))), home)
    assert package_versions(python, ["tinypeer"]) == {"tinypeer": "2.0"}
    assert not kept.exists()


@pytest.mark.integration
def test_a_package_that_cannot_be_installed_is_named_and_tried_again(tmp_path: Path) -> None:
    missing = pins(tmp_path, str(tmp_path / "tinypeer-3.0-py3-none-any.whl"))
    for _ in range(2):
        with pytest.raises(EvaluationError, match="environment of tiny cannot be made") as caught:
            ensure_environment(missing, tmp_path / "peers")
        assert "tinypeer-3.0" in str(caught.value)


def test_missing_pins_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"none\.txt is missing; .* from a checkout"):
        ensure_environment(Pins("none", tmp_path / "none.txt"), tmp_path)


@pytest.mark.parametrize("name", ["txtai", "haystack"])
def test_every_pin_has_a_hash_and_no_address(name: str) -> None:
    found = peer_pins(name)
    for file in (found.packages, *found.torch):
        entries = file.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
        assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
        assert not any("://" in entry for entry in entries)


def test_peers_have_our_pytorch() -> None:
    wanted = (CHECKOUT / "requirements" / "torch.txt").read_text(encoding="utf-8")
    for name in ("txtai", "haystack"):
        packages = peer_pins(name).packages.read_text(encoding="utf-8")
        ours = {line.split("==")[0] for line in wanted.splitlines() if "==" in line}
        theirs = {line.split("==")[0] for line in packages.splitlines() if "==" in line}
        assert not ours & theirs
