"""All settings in one model: what `pmoves` and the mesh run with.

Each package owns its groups; this module adds those of bring-up and composes
them. Every setting has one name, `PMOVES_…`, nested by `__`.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from data_jobs.settings import JobSettings
from eval.gates.settings import GateSettings
from retrieval.reserving import OwnAmounts
from retrieval.settings import Group
from serve_apps.settings import AppSettings

MIB = 2**20
GIB = 2**30
OptionalPort = Annotated[int, Field(ge=0, le=65_535)]


class RaySettings(Group):
    """The local Ray that `pmoves up` starts."""

    num_cpus: int = Field(
        0, ge=0, le=4_096, description="CPUs that Ray may hand out; 0: all cores, but at least 2."
    )
    memory: int = Field(
        0,
        ge=0,
        le=2**50,
        description="Bytes of memory that Ray may hand out; 0: half of the machine's.",
    )
    resources: OwnAmounts = Field(
        {},
        description="Amounts of your own that this machine offers, as `rerank_slots=4`; "
        "`PMOVES_RESERVE__…` takes of them.",
    )
    object_store_memory: int = Field(
        512 * MIB, ge=80 * MIB, le=2**50, description="Bytes of Ray's shared object store."
    )
    auth_mode: Literal["token", "disabled"] = Field(
        "token",
        description="Whether Ray asks for the token in <home>/run/token; "
        "'disabled' lets everyone who reaches a port of Ray run code.",
    )
    port: OptionalPort = Field(
        0, description="Port of Ray's control service; 0: a free one is chosen."
    )
    dashboard_port: OptionalPort = Field(
        0, description="Port of Ray's dashboard; 0: 8265, or a free one where that is taken."
    )
    redis_address: str = Field(
        "",
        pattern=r"^((redis|rediss)://)?[^\s:/@]+:\d{1,5}$|^$",
        description="`host:port` of a Redis in which Ray's control service keeps its tables, so "
        "that its end is survived; empty: in memory.",
    )
    redis_username: str = Field("", description="User of that Redis; empty: its default one.")
    redis_password: SecretStr = Field(
        SecretStr(""),
        description="Password of that Redis; Ray shows it to this machine's users (`ps`).",
    )
    temp_dir: str = Field(
        "", description="Folder for Ray's session files; empty: a short path under the system's."
    )
    ready_s: int = Field(
        60, ge=5, le=3_600, description="Seconds that `pmoves up` waits for the mesh to be ready."
    )


class Settings(JobSettings, AppSettings):
    """Everything that can be set."""

    url: str = Field(
        "", description="Address of a running mesh for the command line; empty: the one of <home>."
    )
    api_key: SecretStr = Field(
        SecretStr(""), description="Key that the command line sends to a running mesh."
    )
    ray: RaySettings = RaySettings()
    personas: GateSettings = GateSettings()

    @property
    def run_dir(self) -> Path:
        """Folder of what describes a running mesh."""
        return self.home.absolute() / "run"

    @property
    def log_dir(self) -> Path:
        """Folder of logs."""
        return self.home.absolute() / "logs"
