"""Transcripts out of a folder, by the id of their video: no network is asked."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from data_jobs.video.base import Transcript, Video, VideoFacts, Wanted
from data_jobs.video.facts import facts_of_info
from data_jobs.video.failures import Failure
from data_jobs.video.tracks import Track, best_track

_SUFFIXES = (".vtt", ".srt", ".json3")
_SOUND = (".m4a", ".mp3", ".opus", ".webm", ".mp4", ".wav", ".ogg")


class OfflineFolder:
    """Files called `ID.vtt`, `ID.en.vtt`, `.srt` or `.json3`, and yt-dlp's `ID.info.json`."""

    host = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def captions(self, video: Video, wanted: Wanted, folder: Path) -> Transcript:
        """Copy the captions in the best language."""
        tracks = [
            Track(path.name, self._language(path, video) or wanted.languages[0])
            for path in self._files(video, _SUFFIXES)
        ]
        track = best_track(tracks, wanted.languages)
        facts = self._facts(video)
        if track is None:
            raise Failure("absent", f"no captions of {video.video_id} in the folder", facts)
        path = Path(shutil.copy(self._folder / track.url, folder / f"captions{_suffix(track)}"))
        return Transcript(path, "captions", facts, track.language)

    def sound(self, video: Video, wanted: Wanted, folder: Path) -> Transcript:
        """Copy the recording."""
        found = self._files(video, _SOUND)
        if not found:
            raise Failure("absent", f"no sound of {video.video_id} in the folder")
        path = Path(shutil.copy(found[0], folder / f"sound{found[0].suffix}"))
        return Transcript(path, "sound", self._facts(video))

    def _files(self, video: Video, suffixes: tuple[str, ...]) -> list[Path]:
        if not video.video_id:
            return []
        name = re.compile(rf"{re.escape(video.video_id)}(\.[A-Za-z-]+)?(\.\w+)")
        found = ((path, name.fullmatch(path.name)) for path in sorted(self._folder.iterdir()))
        return [path for path, match in found if match and match[2] in suffixes]

    def _language(self, path: Path, video: Video) -> str:
        return path.stem.removeprefix(str(video.video_id)).lstrip(".")

    def _facts(self, video: Video) -> VideoFacts:
        path = self._folder / f"{video.video_id}.info.json"
        if not path.is_file():
            return VideoFacts()
        try:
            info: Any = json.loads(path.read_bytes())
        except ValueError as error:
            raise Failure("absent", f"{path.name} is no JSON: {error}") from error
        return facts_of_info(info if isinstance(info, dict) else {})


def _suffix(track: Track) -> str:
    return Path(track.url).suffix
