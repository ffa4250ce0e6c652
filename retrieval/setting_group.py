"""What a named group of settings is."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Milliseconds = Annotated[int, Field(ge=1, le=600_000)]


class Group(BaseModel):
    """A named group of settings."""

    model_config = ConfigDict(extra="forbid", validate_default=True)


def none_if_empty(value: object) -> object:
    """Let a setting that may be empty be written so in the environment."""
    return None if value == "" else value


def split(value: object) -> object:
    """Let a list be written with commas, as the predecessor did."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def renamed(names: Mapping[str, str]) -> BeforeValidator:
    """Return a validator that ignores case, and takes other names of a choice for its own."""

    def own(value: object) -> object:
        name = value.strip().lower() if isinstance(value, str) else value
        return names.get(name, name) if isinstance(name, str) else name

    return BeforeValidator(own)
