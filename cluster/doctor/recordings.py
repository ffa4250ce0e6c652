"""Recordings and videos: what recognises their words, and who is asked for transcripts."""

from collections.abc import Iterator
from importlib.util import find_spec

from cluster.doctor.finding import Finding, ok, warn
from cluster.settings import Settings
from data_jobs.errors import SpeechError
from data_jobs.speech.models import INSTALL, chosen
from data_jobs.speech.speakers import INSTALL as SPEAKERS
from data_jobs.speech.speakers import model_file
from data_jobs.video.providers import INSTALL as INSTALL_YT_DLP
from data_jobs.video.providers import has_yt_dlp

_MODULES = {"faster-whisper": "faster_whisper", "openai-whisper": "whisper"}


def check_recordings(settings: Settings) -> Iterator[Finding]:
    """Check speech recognition and yt-dlp."""
    yield _speech(settings)
    if settings.speech.speakers.backend != "off":
        yield _speakers(settings)
    if has_yt_dlp():
        yield ok("youtube", f"asked in turn: {', '.join(settings.video.steps)}")
    else:
        detail = "yt-dlp is not installed; playlists, channels and other sites are not read"
        yield warn("youtube", detail, f"{INSTALL_YT_DLP} where you want them")


def _speakers(settings: Settings) -> Finding:
    if find_spec("sherpa_onnx") is None:
        return warn(
            "speakers", "sherpa-onnx is not installed; recordings are quarantined", SPEAKERS
        )
    model = settings.speech.speakers.model
    try:
        return ok("speakers", f"told apart by {model_file(model).name}")
    except SpeechError as error:
        return warn("speakers", str(error), "set PMOVES_SPEECH__SPEAKERS__MODEL")


def _speech(settings: Settings) -> Finding:
    backend = settings.speech.backend
    if backend == "off":
        return ok("speech", "off by setting; recordings are quarantined")
    needed = (_MODULES[backend], "av", "faster_whisper")
    missing = [module for module in needed if find_spec(module) is None]
    if missing:
        detail = f"off, for {missing[0]} is not installed; recordings are quarantined"
        return warn("speech", detail, INSTALL)
    try:
        model = chosen(settings.speech.model)
    except SpeechError as error:
        return warn("speech", str(error), INSTALL)
    return ok("speech", f"{backend} with the model {model}")
