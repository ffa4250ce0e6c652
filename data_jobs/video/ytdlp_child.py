"""The process that runs yt-dlp: one request as JSON on its input, the answer on its output.

Every connection, whoever makes it, goes to an address that the guard of the mesh allows:
the resolver of the process is replaced. It ends when its parent is gone.
"""

import json
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_jobs.video.tracks import Track, best_track
from retrieval.fetching.errors import FetchError
from retrieval.fetching.guard import UrlGuard
from retrieval.fetching.settings import FetchSettings

_MOST_CAPTIONS = 32 * 2**20
_FORMATS = ("json3", "vtt", "srt")
_SOUND = "bestaudio/best[height<=480]/best"
_INFO = (
    "id title channel uploader channel_url uploader_url upload_date duration language "
    "description thumbnail tags chapters"
)


def main() -> None:
    """Serve one request."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    request = json.loads(_line())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    guard_connections(request)
    try:
        answer = _WORK[request["what"]](request)
    except Exception as error:
        answer = {"error": f"{error}"[:1_000] or type(error).__name__}
    answers.write(json.dumps(answer).encode())
    answers.flush()
    # No thread or handler of a library holds the process up.
    os._exit(0)


def guard_connections(request: Mapping[str, Any]) -> None:
    """Let names of hosts lead to allowed addresses only, in the whole process."""
    real = socket.getaddrinfo

    def resolve(host: str, port: int) -> list[str]:
        found = real(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(each[4][0]) for each in found))

    settings = FetchSettings(private_hosts=request["private_hosts"], ports=request["ports"])
    guard = UrlGuard(settings, resolve)

    def guarded(host: Any, port: Any, *arguments: Any, **named: Any) -> Any:
        name = host.decode("idna") if isinstance(host, bytes) else str(host)
        try:
            allowed = set(guard.addresses(name, int(port or 443)))
        except FetchError as error:
            # What libraries expect of a resolver, so that they pass the reason on.
            raise socket.gaierror(socket.EAI_FAIL, str(error)) from error
        return [each for each in real(host, port, *arguments, **named) if each[4][0] in allowed]

    socket.getaddrinfo = guarded


def _captions(request: Mapping[str, Any]) -> dict[str, Any]:
    with _yt_dlp(request) as downloader:
        info = _extracted(downloader, request)
        track, extension = _track(info, request)
        if track is None:
            return {"info": _short(info)}
        path = Path(request["folder"]) / f"captions.{extension}"
        with downloader.urlopen(track.url) as answer:
            path.write_bytes(answer.read(_MOST_CAPTIONS))
    if path.stat().st_size == 0:
        return {"error": "the captions came empty: the site wants a PO token, or is throttling"}
    return {
        "info": _short(info),
        "path": str(path),
        "language": track.language,
        "automatic": track.automatic,
    }


def _sound(request: Mapping[str, Any]) -> dict[str, Any]:
    with _yt_dlp(request) as downloader:
        info = _extracted(downloader, request)
        done = downloader.process_ie_result(info, download=True)
        downloads = done.get("requested_downloads") or [{}]
    path = downloads[0].get("filepath")
    if not path or not Path(path).is_file() or not Path(path).stat().st_size:
        return {"error": "the downloaded file is empty"}
    return {"info": _short(info), "path": path}


def _list(request: Mapping[str, Any]) -> dict[str, Any]:
    with _yt_dlp(request, extract_flat=True, noplaylist=False) as downloader:
        info = downloader.extract_info(request["url"], download=False)
    return {"urls": list(_urls(info))[: request["max_videos"]]}


_WORK = {"captions": _captions, "sound": _sound, "list": _list}


def _urls(info: Mapping[str, Any]) -> Any:
    """Yield the URLs of the videos in a playlist, and in the tabs of a channel."""
    for entry in info.get("entries") or []:
        if entry.get("entries") is not None:
            yield from _urls(entry)
        elif entry.get("url"):
            yield entry["url"]


def _extracted(downloader: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what yt-dlp learns from the page, which is kept beside what is downloaded."""
    kept = Path(request["folder"]) / "info.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_bytes())
        return found
    info = downloader.extract_info(request["url"], download=False, process=True)
    if not info or info.get("entries") is not None:
        raise ValueError("unsupported url: the page is no single video")
    clean: dict[str, Any] = downloader.sanitize_info(info)
    kept.write_text(json.dumps(clean))
    return clean


def _track(info: Mapping[str, Any], request: Mapping[str, Any]) -> tuple[Track | None, str]:
    tracks, extensions = [], {}
    for automatic, key in ((False, "subtitles"), (True, "automatic_captions")):
        for language, files in (info.get(key) or {}).items():
            usable = [each for each in files if each.get("ext") in _FORMATS and each.get("url")]
            if usable:
                best = min(usable, key=lambda each: _FORMATS.index(each["ext"]))
                tracks.append(Track(best["url"], language, automatic))
                extensions[best["url"]] = best["ext"]
    options = request["options"]
    languages = options.get("subtitleslangs") or request["languages"]
    automatic = options.get("writeautomaticsub", request["automatic"])
    # Sites beside YouTube seldom say which language their captions are in.
    found = best_track(tracks, [*languages, "und", "unknown"], automatic)
    return found, extensions[found.url] if found else ""


def _short(info: Mapping[str, Any]) -> dict[str, Any]:
    return {name: info.get(name) for name in _INFO.split() if info.get(name)}


def _yt_dlp(request: Mapping[str, Any], **more: object) -> Any:
    from yt_dlp import YoutubeDL

    folder = request["folder"]
    options = {
        "quiet": True,
        "noprogress": True,
        "logger": _Silence(),
        "noplaylist": True,
        "allowed_extractors": request["extractors"],
        "paths": {"home": folder, "temp": folder},
        "outtmpl": {"default": "sound.%(ext)s"},
        "format": request["options"].get("format", _SOUND),
        "max_filesize": request["max_bytes"],
        "socket_timeout": request["silence_s"],
        "retries": 2,
        "extractor_retries": 1,
        "fragment_retries": 2,
        "playlistend": request["options"].get("playlistend", request["max_videos"]),
        "cachedir": False,
        "proxy": "",
        "enable_file_urls": False,
        # FFmpeg would open addresses by itself, past the guard.
        "external_downloader": {"default": "native"},
        "hls_prefer_native": True,
        "fixup": "never",
        "ffmpeg_location": "/nonexistent",
        "extractor_args": _arguments(request),
    }
    if "playlist_items" in request["options"]:
        options["playlist_items"] = request["options"]["playlist_items"]
    if request["cookies"]:
        options["cookiefile"] = request["cookies"]
    return YoutubeDL({**options, **more})


def _arguments(request: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    youtube: dict[str, list[str]] = {}
    if request["po_token"]:
        youtube["po_token"] = [request["po_token"]]
    if request["player_clients"]:
        youtube["player_client"] = request["player_clients"]
    arguments = {"youtube": youtube} if youtube else {}
    if request["po_token_url"]:
        arguments["youtubepot-bgutilhttp"] = {"base_url": [request["po_token_url"]]}
    return arguments


class _Silence:
    """Takes messages, whose errors come as exceptions too."""

    def debug(self, message: str) -> None: ...

    def info(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def error(self, message: str) -> None: ...


def _line() -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        # Nothing is read ahead: the thread below waits for the end of this pipe.
        piece = os.read(0, 1 << 16)
        if not piece:
            sys.exit(1)
        line += piece
    return bytes(line)


def _end_with_parent() -> None:
    poll = select.poll()
    poll.register(0, 0)
    poll.poll()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
