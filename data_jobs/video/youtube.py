"""Captions from the platform: the watch page names its tracks, which are fetched as JSON3.

`PlayerResponse` reads what YouTube's player gets; companions pass the same on.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from data_jobs.video.base import Transcript, Video, VideoFacts, Wanted, captions_kind
from data_jobs.video.facts import facts_of_player
from data_jobs.video.failures import Failure, failure_of
from data_jobs.video.requests import Requests
from data_jobs.video.tracks import Track, best_track

_RESPONSE = re.compile(r"\bytInitialPlayerResponse\s*=\s*(?=\{)")
_MOST_PAGE = 16 * 2**20
_MOST_CAPTIONS = 32 * 2**20


class PlayerResponse:
    """What YouTube tells its player of a video."""

    def __init__(self, response: Mapping[str, Any]) -> None:
        self._response = response
        self.facts: VideoFacts = facts_of_player(response)

    def require_playable(self) -> None:
        """Raise `Failure` for a video that cannot be played, with YouTube's own reason."""
        status = self._response.get("playabilityStatus") or {}
        if status.get("status", "OK") != "OK":
            reason = str(status.get("reason") or status.get("status"))
            screen = (status.get("errorScreen") or {}).get("playerErrorMessageRenderer") or {}
            more = (screen.get("subreason") or {}).get("simpleText") or ""
            raise failure_of(f"{reason} {more}".strip(), self.facts)

    def tracks(self, base: str) -> list[Track]:
        """Return the caption tracks; addresses are made absolute by `base`."""
        captions = self._response.get("captions") or {}
        found = (captions.get("playerCaptionsTracklistRenderer") or {}).get("captionTracks") or []
        return [
            Track(
                urljoin(base, str(each.get("baseUrl") or "")) if each.get("baseUrl") else "",
                str(each.get("languageCode") or ""),
                each.get("kind") == "asr",
            )
            for each in found
        ]

    def best_sound(self) -> str:
        """Return the address of the best sound; `Failure` where formats come without address."""
        streams = self._response.get("streamingData") or {}
        formats = [*(streams.get("adaptiveFormats") or []), *(streams.get("formats") or [])]
        sounds = [each for each in formats if str(each.get("mimeType", "")).startswith("audio/")]
        usable = [each for each in sounds or formats if each.get("url")]
        if not usable:
            told = "come without an address (SABR)" if formats else "are not named"
            raise Failure("absent", f"the formats {told}", self.facts)
        return str(max(usable, key=lambda each: int(each.get("bitrate") or 0))["url"])


class YoutubeCaptions:
    """Watch pages of YouTube, or of a proxy before it."""

    def __init__(self, requests: Requests, url: str, po_token: str = "") -> None:
        self._requests = requests
        self._url = url.rstrip("/")
        self._token = po_token.rpartition("+")[2]
        self.host = urlsplit(self._url).netloc

    def captions(self, video: Video, wanted: Wanted, folder: Path) -> Transcript:
        """Fetch the watch page, then the best track."""
        if not video.video_id:
            raise Failure("absent", "only YouTube's own captions are asked for like this")
        page = f"{self._url}/watch?v={video.video_id}&hl=en&has_verified=1"
        text = self._requests.get(page, _MOST_PAGE).decode("utf-8", "replace")
        response = PlayerResponse(_embedded(text))
        response.require_playable()
        track = best_track(response.tracks(self._url), wanted.languages, wanted.automatic)
        if track is None:
            raise Failure("absent", "no captions in the languages wanted", response.facts)
        path = fetch_track(self._requests, track, folder, self._token)
        kind = captions_kind(track.automatic)
        return Transcript(path, kind, response.facts, track.language)

    def sound(self, video: Video, wanted: Wanted, folder: Path) -> Transcript:
        """There is none here: addresses in watch pages are locked."""
        raise Failure("absent", "watch pages give no sound")


def fetch_track(requests: Requests, track: Track, folder: Path, token: str = "") -> Path:
    """Fetch a track of YouTube's captions as JSON3 into `folder`."""
    extra = {"fmt": "json3"} | ({"pot": token, "c": "WEB"} if token else {})
    parts = urlsplit(track.url)
    query = "&".join(filter(None, (parts.query, urlencode(extra))))
    body = requests.get(urlunsplit(parts._replace(query=query)), _MOST_CAPTIONS)
    if not body.strip():
        raise Failure("later", "the captions came empty: a PO token is wanted, or we are throttled")
    path = folder / "captions.json3"
    path.write_bytes(body)
    return path


def _embedded(page: str) -> Mapping[str, Any]:
    found = _RESPONSE.search(page)
    if found is None:
        raise Failure("later", "the watch page holds no player response")
    try:
        response, _end = json.JSONDecoder().raw_decode(page, found.end())
    except ValueError as error:
        raise Failure("later", f"the player response is cut off: {error}") from error
    return response if isinstance(response, dict) else {}
