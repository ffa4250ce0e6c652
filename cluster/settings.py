"""All settings in one model: what `pmoves` and the mesh run with.

Each package owns its groups; this module adds those of bring-up and composes
them. Every setting has one name, `PMOVES_…`, nested by `__`.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
)

from data_jobs.settings import JobSettings
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
    temp_dir: str = Field(
        "", description="Folder for Ray's session files; empty: a short path under the system's."
    )
    ready_s: int = Field(
        60, ge=5, le=3_600, description="Seconds that `pmoves up` waits for the mesh to be ready."
    )


class LenientEnvironment(EnvSettingsSource):
    """Reads the environment; a value that is no JSON stays text, for the model to judge."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return `value` parsed as JSON, or as it is."""
        return _decoded(super().decode_complex_value, field_name, field, value)


class LenientDotEnv(DotEnvSettingsSource):
    """Reads `.env` in the same way."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return `value` parsed as JSON, or as it is."""
        return _decoded(super().decode_complex_value, field_name, field, value)


def _decoded(decode: Any, field_name: str, field: FieldInfo, value: Any) -> Any:
    try:
        return decode(field_name, field, value)
    except ValueError:
        return value


class Settings(JobSettings, AppSettings):
    """Everything that can be set."""

    url: str = Field(
        "", description="Address of a running mesh for the command line; empty: the one of <home>."
    )
    api_key: SecretStr = Field(
        SecretStr(""), description="Key that the command line sends to a running mesh."
    )
    ray: RaySettings = RaySettings()

    @property
    def run_dir(self) -> Path:
        """Folder of what describes a running mesh."""
        return self.home.absolute() / "run"

    @property
    def log_dir(self) -> Path:
        """Folder of logs."""
        return self.home.absolute() / "logs"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Keep the order of the library, with sources that leave bad values to the model."""
        return super().settings_customise_sources(
            settings_cls,
            init_settings,
            LenientEnvironment(settings_cls),
            LenientDotEnv(settings_cls),
            file_secret_settings,
        )
