"""The workflows for GitHub: what they call is there. They cannot be run here."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def scripts(file: Path) -> list[str]:
    jobs: dict[str, Any] = yaml.safe_load(file.read_text())["jobs"]
    return [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_its_scripts_are_sound_and_call_targets_that_exist(file: Path) -> None:
    called = set()
    for script in scripts(file):
        subprocess.run(["bash", "-n", "-c", script], check=True)
        called |= set(re.findall(r"\bmake (?:-\S+ )*([a-z]+)", script))
    assert called
    assert called <= TARGETS


def test_there_are_workflows() -> None:
    assert WORKFLOWS
