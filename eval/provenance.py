"""Where figures come from: which data, settings, model, code and machine."""

import subprocess
from datetime import datetime
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel, Field

from eval.bench.machine import Machine
from retrieval.chunk import JsonValue

DECIDING = ("search", "embedding", "dense", "rerank")
"""The groups of settings that answers depend on."""
_PACKAGE = "pmoves-mesh"


class SystemDescription(BaseModel):
    """What a system says of itself; empty where it does not tell.

    `settings` are those in force that decide about answers, `model` is the identity
    of the embedding model, `code` the version of the program.
    """

    settings: dict[str, JsonValue] = Field(default_factory=dict)
    model: dict[str, JsonValue] = Field(default_factory=dict)
    code: str = ""


class Provenance(BaseModel):
    """Everything that is needed to make the same figures again.

    `command` is the call of `pmoves evaluate`, as far as it decides about figures;
    empty where a program asked.
    """

    dataset: str
    dataset_hash: str
    label: str
    created_at: datetime
    system: str
    description: SystemDescription
    namespace: str
    index_version: int
    depth: int
    harness: str
    machine: Machine
    command: str = ""


def code_version() -> str:
    """Return the installed version, with the commit where the code is a git checkout."""
    version = metadata.version(_PACKAGE)
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    folder = Path(__file__).parent
    try:
        found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError:
        return version
    commit = found.stdout.strip()
    return f"{version}+{commit}" if found.returncode == 0 and commit else version
