"""yt-dlp, in a process of its own for each request: it may hang, crash or be told lies."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, cast

from data_jobs.video.base import Transcript, Video, Wanted, captions_kind
from data_jobs.video.facts import facts_of_info
from data_jobs.video.failures import Failure, failure_of
from data_jobs.video.settings import VideoSettings
from retrieval.fetching.errors import FetchError, RefusedUrlError
from retrieval.fetching.guard import UrlGuard
from retrieval.fetching.settings import FetchSettings

_BOOTSTRAP = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from data_jobs.video.ytdlp_child import main; main()"
)
_LOOK_SECONDS = 0.25
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "VIRTUAL_ENV", "DENO_DIR")


class YtDlp:
    """Captions and sound by yt-dlp; what it learnt of a video is asked for only once."""

    def __init__(
        self, settings: VideoSettings, fetch: FetchSettings, stopping: Callable[[], bool]
    ) -> None:
        self._settings = settings
        self._fetch = fetch
        self._guard = UrlGuard(fetch)
        self._stopping = stopping
        self.host = "www.youtube.com"

    def captions(self, video: Video, wanted: Wanted, folder: Path) -> Transcript:
        """Return the best captions."""
        answer = self._ask("captions", video.url, wanted, folder, self._settings.step_s)
        facts = facts_of_info(answer["info"])
        if not answer.get("path"):
            raise Failure("absent", "no captions in the languages wanted", facts)
        kind = captions_kind(answer["automatic"])
        return Transcript(Path(answer["path"]), kind, facts, answer["language"])

    def sound(self, video: Video, wanted: Wanted, folder: Path) -> Transcript:
        """Download the sound alone where the site has it so."""
        answer = self._ask("sound", video.url, wanted, folder, self._settings.download_s)
        return Transcript(Path(answer["path"]), "sound", facts_of_info(answer["info"]))

    def videos(self, url: str, wanted: Wanted, folder: Path) -> list[str]:
        """Return the URLs of the videos of a playlist or channel."""
        answer = self._ask("list", url, wanted, folder, self._settings.step_s)
        return [str(each) for each in answer["urls"]]

    def _ask(
        self, what: str, url: str, wanted: Wanted, folder: Path, seconds: float
    ) -> dict[str, Any]:
        self._require_allowed(url)
        request = self._request(what, url, wanted, folder)
        answer = self._run(request, seconds)
        if "error" in answer:
            raise failure_of(str(answer["error"]))
        return answer

    def _require_allowed(self, url: str) -> None:
        try:
            parts = self._guard.check(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            self._guard.addresses(parts.host, port)
        except FetchError as error:
            refused = isinstance(error, RefusedUrlError)
            raise Failure("absent" if refused else "later", str(error)) from error

    def _request(self, what: str, url: str, wanted: Wanted, folder: Path) -> dict[str, Any]:
        own = self._settings
        return {
            "what": what,
            "url": url,
            "folder": str(folder),
            "languages": list(wanted.languages),
            "automatic": wanted.automatic,
            "options": dict(wanted.options),
            "extractors": own.extractors,
            "max_bytes": own.max_bytes,
            "max_videos": own.max_videos,
            "cookies": str(own.cookies_file) if own.cookies_file else None,
            "po_token": own.po_token.get_secret_value(),
            "po_token_url": own.po_token_url,
            "player_clients": own.player_clients,
            "private_hosts": self._fetch.private_hosts,
            "ports": self._fetch.ports,
            "silence_s": self._fetch.silence_s,
        }

    def _run(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        child = subprocess.Popen(
            [sys.executable, "-c", _BOOTSTRAP, json.dumps(_module_path())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            start_new_session=True,
        )
        killer = threading.Thread(target=self._watch, args=(child, seconds), daemon=True)
        killer.start()
        try:
            stdin, stdout = cast(IO[bytes], child.stdin), cast(IO[bytes], child.stdout)
            stdin.write(json.dumps(request).encode() + b"\n")
            # Its input stays open: once that closes, the child knows that it is alone.
            stdin.flush()
            answer = stdout.read()
        except BrokenPipeError:
            answer = b""
        finally:
            _kill(child)
            killer.join()
            for pipe in (child.stdin, child.stdout):
                with contextlib.suppress(OSError):
                    cast(IO[bytes], pipe).close()
        return _answer(answer)

    def _watch(self, child: "subprocess.Popen[bytes]", seconds: float) -> None:
        """End the child when its time is up or the job is to end."""
        deadline = time.monotonic() + seconds
        while child.poll() is None:
            if time.monotonic() > deadline or self._stopping():
                _kill(child)
                return
            time.sleep(_LOOK_SECONDS)


def _kill(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _answer(text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise Failure("later", "yt-dlp gave no answer in time, or died") from error
    return answer if isinstance(answer, dict) else {"error": "yt-dlp answered nonsense"}


def _module_path() -> list[str]:
    return [os.path.abspath(entry) for entry in sys.path]
