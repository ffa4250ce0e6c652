"""Which sources are videos, playlists or channels, and how a video is called."""

import re
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from data_jobs.video.base import Video

_SHORT = re.compile(r"(?:yt|youtube):([A-Za-z0-9_-]{11})")
_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_HOSTS = frozenset(
    {"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com", "youtu.be"}
    | {"youtube-nocookie.com", "www.youtube-nocookie.com"}
)
_PATHS = ("shorts", "live", "embed", "v", "e")
_CHANNELS = ("channel", "c", "user")
WATCH = "https://www.youtube.com/watch?v="


def is_video_source(source: str, sites: Sequence[str] = ()) -> bool:
    """Say whether `source` is a video, a playlist or a channel."""
    return video_of(source, sites) is not None or collection_of(source) is not None


def video_of(source: str, sites: Sequence[str] = ()) -> Video | None:
    """Return the video that `source` names; None for anything else.

    Any page of `sites`, or of a host below one of them, is taken for a video.
    """
    if short := _SHORT.fullmatch(source.strip()):
        return Video(WATCH + short[1], short[1])
    host, path, query = _parts(source)
    if host in _HOSTS:
        found = _youtube_id(host, path, query)
        return Video(WATCH + found, found) if found else None
    if host and any(host == site or host.endswith(f".{site}") for site in map(str.lower, sites)):
        return Video(source.strip())
    return None


def full_url(source: str) -> str:
    """Return the page of the video that `yt:ID` or `youtube:ID` names; all else as it is."""
    video = video_of(source) if _SHORT.fullmatch(source.strip()) else None
    return video.url if video else source


def video_document_id(source: str) -> str | None:
    """Return `yt:ID` for a video of YouTube, None for anything else."""
    video = video_of(source)
    return video.doc_id if video else None


def collection_of(source: str) -> str | None:
    """Return the URL of the playlist or channel that `source` names; None for anything else."""
    host, path, query = _parts(source)
    if host not in _HOSTS or _youtube_id(host, path, query):
        return None
    parts = path.strip("/").split("/")
    if parts[0] == "playlist" and query.get("list"):
        return f"https://www.youtube.com/playlist?list={query['list'][0]}"
    if parts[0].startswith("@") or (parts[0] in _CHANNELS and len(parts) > 1):
        return f"https://www.youtube.com{path}"
    return None


def _youtube_id(host: str, path: str, query: dict[str, list[str]]) -> str | None:
    parts = path.strip("/").split("/")
    if host == "youtu.be":
        found = parts[0]
    elif parts[0] in _PATHS and len(parts) > 1:
        found = parts[1]
    else:
        found = query.get("v", [""])[0] if parts[0] == "watch" else ""
    return found if _ID.fullmatch(found) else None


def _parts(source: str) -> tuple[str, str, dict[str, list[str]]]:
    try:
        parts = urlsplit(source.strip())
        host = (parts.hostname or "").lower().rstrip(".")
    except ValueError:
        return "", "", {}
    if parts.scheme.lower() not in ("http", "https"):
        return "", "", {}
    return host, parts.path, parse_qs(parts.query)
