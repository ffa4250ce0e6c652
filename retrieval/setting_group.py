"""What a named group of settings is."""

from pydantic import BaseModel, ConfigDict


class Group(BaseModel):
    """A named group of settings."""

    model_config = ConfigDict(extra="forbid", validate_default=True)
