"""Settings of the gates."""

from pydantic import Field

from retrieval.settings import Group, LibrarySettings


class GateSettings(Group):
    """The gates of personas."""

    runs: int = Field(2, ge=1, le=64, description="Runs of gates under way at once.")
    waiting: int = Field(
        100, ge=1, le=10_000, description="Requests that run or wait for it, before more fail."
    )
    timeout_s: float = Field(
        120.0,
        ge=0.1,
        le=86_400,
        description="Seconds for a run, waiting included, where its gate says nothing else.",
    )
    store_timeout_s: float = Field(
        15.0, ge=0.1, le=600, description="Seconds for one call of the state database."
    )
    roots: list[str] = Field(
        [],
        description="Folders or s3:// prefixes from which requests over HTTP may name data sets "
        "of their own; those of stored gates lie anywhere.",
    )


class PersonaSettings(LibrarySettings):
    """What the gates need."""

    personas: GateSettings = GateSettings()
