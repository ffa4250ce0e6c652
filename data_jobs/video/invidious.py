"""Invidious, by its API (https://docs.invidious.io/api), and its companion, by the player's."""

from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from data_jobs.video.base import Transcript, Video, Wanted, captions_kind
from data_jobs.video.facts import facts_of_invidious
from data_jobs.video.failures import Failure
from data_jobs.video.requests import Requests
from data_jobs.video.tracks import Track, best_track
from data_jobs.video.youtube import PlayerResponse, fetch_track

_MOST = 16 * 2**20


class Companion:
    """An Invidious companion: `/companion/youtubei/v1/player`, with its key."""

    def __init__(self, requests: Requests, url: str, key: str) -> None:
        self._requests = requests
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.host = urlsplit(self._url).netloc

    def captions(self, video: Video, wanted: Wanted, folder: Path) -> Transcript:
        """Ask the player, then fetch the best track."""
        response = self._player(video)
        track = best_track(response.tracks(self._url), wanted.languages, wanted.automatic)
        if track is None:
            raise Failure("absent", "no captions in the languages wanted", response.facts)
        path = fetch_track(self._requests, track, folder)
        kind = captions_kind(track.automatic)
        return Transcript(path, kind, response.facts, track.language)

    def sound(self, video: Video, wanted: Wanted, folder: Path) -> Transcript:
        """Ask the player, then download the best sound."""
        response = self._player(video)
        path = self._requests.download(urljoin(self._url, response.best_sound()), folder / "sound")
        return Transcript(path, "sound", response.facts)

    def _player(self, video: Video) -> PlayerResponse:
        if not video.video_id:
            raise Failure("absent", "a companion knows YouTube only")
        url = f"{self._url}/companion/youtubei/v1/player"
        answer = self._requests.post_json(url, {"videoId": video.video_id}, _MOST, self._headers)
        response = PlayerResponse(answer if isinstance(answer, dict) else {})
        response.require_playable()
        return response


class Invidious:
    """An Invidious: `/api/v1/videos/ID` and the captions that it names."""

    def __init__(self, requests: Requests, url: str) -> None:
        self._requests = requests
        self._url = url.rstrip("/")
        self.host = urlsplit(self._url).netloc

    def captions(self, video: Video, wanted: Wanted, folder: Path) -> Transcript:
        """Fetch the best track as WebVTT."""
        answer = self._video(video)
        facts = facts_of_invidious(answer)
        tracks = [
            Track(
                urljoin(f"{self._url}/", str(each.get("url") or "")) if each.get("url") else "",
                str(each.get("languageCode") or each.get("language_code") or ""),
                "auto-generated" in str(each.get("label", "")).lower(),
            )
            for each in answer.get("captions") or []
        ]
        track = best_track(tracks, wanted.languages, wanted.automatic)
        if track is None:
            raise Failure("absent", "no captions in the languages wanted", facts)
        body = self._requests.get(track.url, _MOST)
        if b"-->" not in body:
            raise Failure("later", "the captions came empty", facts)
        path = folder / "captions.vtt"
        path.write_bytes(body)
        kind = captions_kind(track.automatic)
        return Transcript(path, kind, facts, track.language)

    def sound(self, video: Video, wanted: Wanted, folder: Path) -> Transcript:
        """Download the best sound through the instance."""
        answer = self._video(video)
        facts = facts_of_invidious(answer)
        formats = [*(answer.get("adaptiveFormats") or []), *(answer.get("formatStreams") or [])]
        sounds = [each for each in formats if str(each.get("type", "")).startswith("audio/")]
        usable = [each for each in sounds or formats if each.get("url") and each.get("itag")]
        if not usable:
            raise Failure("absent", "no formats with an address", facts)
        best = max(usable, key=lambda each: int(each.get("bitrate") or 0))
        # With `local`, the instance passes the bytes on by itself.
        url = f"{self._url}/latest_version?id={video.video_id}&itag={best['itag']}&local=true"
        return Transcript(self._requests.download(url, folder / "sound"), "sound", facts)

    def _video(self, video: Video) -> dict[str, Any]:
        if not video.video_id:
            raise Failure("absent", "Invidious knows YouTube only")
        answer = self._requests.get_json(f"{self._url}/api/v1/videos/{video.video_id}", _MOST)
        return answer if isinstance(answer, dict) else {}
