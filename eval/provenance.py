"""Where figures come from: which data, settings, model, code and machine."""

import subprocess
from collections.abc import Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel, Field

import retrieval
from eval.bench.machine import Machine
from retrieval.chunk import JsonValue
from retrieval.ids import content_hash
from retrieval.settings import LibrarySettings

DECIDING = ("search", "embedding", "dense", "rerank", "graph")
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

    def with_settings(self, more: Mapping[str, JsonValue]) -> "SystemDescription":
        """Return the same with `more` groups of settings."""
        return self.model_copy(update={"settings": {**self.settings, **more}})


class Provenance(BaseModel):
    """Everything that is needed to make the same figures again.

    `passages` is the SHA-256 of what was indexed, empty where nothing was. `command` is the
    call of `pmoves evaluate`, as far as it decides about figures; empty where a program asked.
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
    passages: str = ""


def deciding_settings(settings: LibrarySettings) -> dict[str, JsonValue]:
    """Return what answers depend on, and which engine is the lexical side."""
    engine = " and ".join(settings.text_engines) or "corpus"
    return {**settings.model_dump(mode="json", include=set(DECIDING)), "lexical": engine}


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


def retrieval_code() -> str:
    """Return the SHA-256 of the library's sources, so that no answer outlives a change to it."""
    sources = sorted(Path(retrieval.__file__).parent.rglob("*.py"))
    return content_hash(*(source.read_bytes() for source in sources))
