"""Settings of videos as sources."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from retrieval.settings import Group

GIB = 2**30
Step = Literal["offline", "captions", "yt-dlp", "companion", "invidious", "audio"]
Seconds = Annotated[float, Field(ge=0, le=86_400)]


class VideoSettings(Group):
    """YouTube and other sites: where captions and sound of videos come from."""

    steps: list[Step] = Field(
        ["offline", "captions", "yt-dlp", "companion", "invidious", "audio"],
        description="What is tried for a transcript, in this order; what is not set up is passed.",
    )
    languages: list[str] = Field(
        ["en"], min_length=1, description="Languages of captions, the best first."
    )
    automatic_captions: bool = Field(
        True, description="Whether captions that the platform itself recognised are taken."
    )
    offline_folder: Path | None = Field(
        None,
        description="Folder of transcripts by video id (ID.vtt, ID.en.srt, ID.json3, "
        "ID.info.json) that are taken instead of asking the platform.",
    )
    sites: list[str] = Field(
        [],
        description="Hosts beside YouTube whose pages are read as videos, such as "
        '["vimeo.com"]; all pages of theirs go to yt-dlp.',
    )
    extractors: list[str] = Field(
        ["youtube.*"],
        description="Extractors of yt-dlp that may run, as regular expressions; with sites of "
        "your own add theirs, or 'generic' and 'html5'.",
    )
    youtube_url: str = Field(
        "https://www.youtube.com", description="Where watch pages and captions are asked for."
    )
    companion_url: str = Field("", description="Address of an Invidious companion; empty: none.")
    companion_key: SecretStr = Field(
        SecretStr(""), description="The SERVER_SECRET_KEY of that companion."
    )
    invidious_url: str = Field("", description="Address of an Invidious; empty: none.")
    cookies_file: Path | None = Field(
        None, description="cookies.txt of a signed-in browser, for yt-dlp."
    )
    po_token: SecretStr = Field(
        SecretStr(""), description="PO token, as yt-dlp takes it: CLIENT.CONTEXT+TOKEN."
    )
    po_token_url: str = Field(
        "", description="Address of a bgutil server that makes PO tokens for yt-dlp."
    )
    player_clients: list[str] = Field(
        [], description="YouTube clients that yt-dlp poses as; empty: its own choice."
    )
    pause_s: Seconds = Field(1.0, description="Seconds between two requests to one host.")
    attempts: int = Field(
        3, ge=1, le=10, description="Tries of one step while the host is in trouble."
    )
    retry_s: Seconds = Field(2.0, description="Seconds before the second try; doubled each time.")
    step_s: float = Field(
        120.0, ge=1, le=86_400, description="Wall-clock time of one try, downloads excepted."
    )
    download_s: float = Field(
        1_800.0, ge=1, le=86_400, description="Wall-clock time to download the sound of a video."
    )
    max_bytes: int = Field(
        2 * GIB, ge=1_024, le=64 * GIB, description="Largest file that is downloaded."
    )
    max_videos: int = Field(
        200, ge=1, le=100_000, description="Most videos of a playlist or channel."
    )
    at_once: int = Field(2, ge=1, le=64, description="Videos that are asked for at the same time.")
    breaker_failures: int = Field(
        5, ge=1, le=1_000, description="Failures in a row after which a step is left out."
    )
    breaker_s: Seconds = Field(300.0, description="Seconds for which it is left out.")
    cpus: float = Field(
        0.1, ge=0, le=256, description="CPUs that Ray sets aside for the worker that fetches."
    )
