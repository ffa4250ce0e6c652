"""The workflows for GitHub, which is not here: what they call is, and their tokens may little."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")

each_workflow = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)


def jobs(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())["jobs"]
    return found


def scripts(file: Path) -> list[str]:
    return [step["run"] for job in jobs(file).values() for step in job["steps"] if "run" in step]


def artifacts(file: Path, action: str) -> Iterator[dict[str, str]]:
    """Yield what steps hand to one of the actions of artifacts."""
    for job in jobs(file).values():
        for step in job["steps"]:
            if step.get("uses", "").startswith(f"actions/{action}-artifact@"):
                yield step["with"]


@each_workflow
def test_its_scripts_are_sound_and_call_targets_that_exist(file: Path) -> None:
    called = set()
    for script in scripts(file):
        subprocess.run(["bash", "-n", "-c", script], check=True)
        called |= set(re.findall(r"\bmake (?:-\S+ )*([a-z]+)", script))
    assert called
    assert called <= TARGETS


@each_workflow
def test_actions_are_pinned_to_commits(file: Path) -> None:
    used = [line.strip(" -") for line in file.read_text().splitlines() if "uses: " in line]
    assert used
    assert [line for line in used if not PINNED.fullmatch(line)] == []


@each_workflow
def test_a_token_that_may_write_meets_no_code_of_the_change(file: Path) -> None:
    assert yaml.safe_load(file.read_text())["permissions"] == {}
    for job in jobs(file).values():
        checkouts = [step for step in job["steps"] if "/checkout@" in step.get("uses", "")]
        assert not checkouts or job["permissions"] == {"contents": "read"}
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@each_workflow
def test_what_a_job_takes_over_another_hands_over(file: Path) -> None:
    handed = {given["name"]: given["path"] for given in artifacts(file, "upload")}
    assert {given["name"] for given in artifacts(file, "download")} <= handed.keys()
    text = "\n".join(scripts(file)) + (ROOT / "CONTRIBUTING.md").read_text()
    assert [path for path in handed.values() if path not in text] == []


def test_there_are_workflows() -> None:
    assert WORKFLOWS
