"""Settings of events."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from retrieval.fetching.errors import RefusedUrlError
from retrieval.fetching.guard import parsed_url
from retrieval.settings import Group

Topic = Literal[
    "ingest.file.added.v1",
    "ingest.document.ready.v1",
    "ingest.document.quarantined.v1",
    "ingest.transcript.ready.v1",
]


class EventSettings(Group):
    """Events about documents, and the webhooks that they are sent to."""

    record: bool = Field(True, description="Whether events are written at all.")
    webhooks: list[str] = Field(
        [],
        description="URLs that every event is sent to; those on your own network are named in "
        "`fetch.private_hosts` too.",
    )
    topics: list[Topic] = Field([], description="Topics that are sent; empty: all.")
    secret: SecretStr = Field(
        SecretStr(""),
        description="Key that signs events (Standard Webhooks), `whsec_` and 24 to 64 bytes in "
        "base64; webhooks need one.",
    )
    timeout_s: float = Field(15.0, ge=0.1, le=600, description="Seconds for one delivery.")
    attempts: int = Field(
        12, ge=1, le=100, description="Tries of a delivery before it is given up as dead."
    )
    first_pause_s: float = Field(
        5.0,
        ge=0.01,
        le=3_600,
        description="Pause after the first failed try; it doubles each time",
    )
    longest_pause_s: float = Field(
        21_600.0, ge=0.01, le=604_800, description="Longest pause between two tries."
    )
    keep_days: Annotated[float, Field(ge=0.01, le=36_500)] = Field(
        30.0, description="Days after which events are removed that were delivered or not wanted."
    )

    @model_validator(mode="after")
    def _signed_and_plain(self) -> Self:
        for url in self.webhooks:
            try:
                parsed_url(url)
            except RefusedUrlError as error:
                raise ValueError(f"webhooks: {error}") from error
        secret = self.secret.get_secret_value()
        if secret and not is_secret(secret):
            raise ValueError("secret: is not whsec_ and 24 to 64 bytes in base64")
        if self.webhooks and not secret:
            raise ValueError("secret: webhooks need one; `pmoves events secret` makes one")
        return self


def is_secret(text: str) -> bool:
    """Say whether `text` is a signing key as Standard Webhooks writes it."""
    import base64
    import binascii

    if not text.startswith("whsec_"):
        return False
    try:
        return 24 <= len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) <= 64
    except (binascii.Error, ValueError):
        return False
