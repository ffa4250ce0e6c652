"""What the process of the speech lane runs: one recording in, its transcript out.

The settings come through its environment, and the model is loaded with the first
recording and kept.
"""

import os
from functools import cache
from pathlib import Path

from data_jobs.errors import SpeechError, UnsupportedTypeError
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.detect import detect_media_type
from data_jobs.speech.base import Recognizer
from data_jobs.speech.decoding import decoded, opened
from data_jobs.speech.settings import SpeechSettings
from data_jobs.speech.speakers import VoiceEncoder, load_encoder
from data_jobs.speech.transcription import transcribe
from retrieval.threads import model_threads

TRANSCRIBE = "data_jobs.speech.worker:transcribe_file"
SETTINGS = "PMOVES_SPEECH_WORKER"
CACHE = "PMOVES_SPEECH_CACHE"
_INSTALL = "pip install 'pmoves-mesh[audio]'"


def transcribe_file(path: Path, limits: ParseLimits) -> tuple[str, ParsedDocument]:
    """Return the media type of a recording and its words; raises `IngestError`."""
    media_type = detect_media_type(path)
    settings = SpeechSettings.model_validate_json(os.environ[SETTINGS])
    recognizer = _loaded(os.environ[SETTINGS])
    with opened(path, media_type) as container:
        transcript = transcribe(
            decoded(container),
            recognizer,
            settings.language,
            _encoder(os.environ[SETTINGS]),
            settings.speakers,
        )
    blocks = tuple(transcript.blocks())
    return media_type, ParsedDocument(None, blocks, metadata=transcript.metadata())


def threads_of(settings: SpeechSettings) -> int:
    """Return how many threads a worker has on a CPU."""
    return model_threads(settings.threads)


@cache
def _loaded(text: str) -> Recognizer:
    settings = SpeechSettings.model_validate_json(text)
    try:
        return load(settings, Path(os.environ[CACHE]))
    except (ImportError, SpeechError) as error:
        raise UnsupportedTypeError(
            f"Speech recognition does not run: {error}. Turn it on: {_INSTALL}"
        ) from error


@cache
def _encoder(text: str) -> VoiceEncoder | None:
    settings = SpeechSettings.model_validate_json(text)
    try:
        return load_encoder(settings.speakers, threads_of(settings))
    except SpeechError as error:
        raise UnsupportedTypeError(f"Speakers cannot be told apart: {error}") from error


def load(settings: SpeechSettings, cache_folder: Path) -> Recognizer:
    """Return the recogniser of `settings`; raises `SpeechError` or `ImportError`."""
    if settings.backend == "openai-whisper":
        from data_jobs.speech.openai import OpenaiWhisper

        return OpenaiWhisper(settings, cache_folder, threads_of(settings))
    from data_jobs.speech.faster import FasterWhisper

    return FasterWhisper(settings, cache_folder, threads_of(settings))
