"""Which options of yt-dlp a caller may choose; there are no others."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Language = Annotated[str, StringConstraints(pattern=r"^(\*|[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*)$")]


class VideoOptions(BaseModel):
    """Options of yt-dlp, under its own names, for the videos of one job."""

    model_config = ConfigDict(extra="forbid")

    subtitleslangs: list[Language] | None = Field(
        None, max_length=20, description="Languages of captions, the best first."
    )
    writeautomaticsub: bool | None = Field(
        None, description="Whether captions that the platform recognised are taken."
    )
    format: str | None = Field(
        None,
        max_length=200,
        pattern=r"^[A-Za-z0-9_*?/.:=<>!\[\]-]+$",
        description="Which format is downloaded for its sound.",
    )
    playlistend: int | None = Field(
        None, ge=1, le=100_000, description="Most videos of a playlist or channel."
    )
    playlist_items: str | None = Field(
        None,
        max_length=200,
        pattern=r"^[0-9,:-]+$",
        description="Which videos of a playlist, such as 1-10.",
    )
