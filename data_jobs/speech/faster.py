"""Whisper by faster-whisper, which runs it on CTranslate2."""

import logging
import math
from collections.abc import Iterator
from pathlib import Path

from data_jobs.errors import SpeechError
from data_jobs.speech.base import Samples, Segment
from data_jobs.speech.models import weights_of
from data_jobs.speech.settings import SpeechSettings

# Whisper hears so much at once.
_WINDOW = 30 * 16_000


class FasterWhisper:
    """A model of faster-whisper."""

    def __init__(self, settings: SpeechSettings, cache: Path, threads: int) -> None:
        import ctranslate2
        from faster_whisper import WhisperModel

        name, where = weights_of(settings.model, cache)
        # It would tell of every conversion of numbers.
        ctranslate2.set_log_level(logging.ERROR)
        try:
            self._model = WhisperModel(
                where,
                device=settings.device,
                compute_type=compute_type(settings),
                cpu_threads=threads,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise SpeechError(f"the model {where!r} cannot be loaded: {error}") from error
        self._beam_size = settings.beam_size
        self.name = f"faster-whisper {name}"

    def detect_language(self, samples: Samples) -> tuple[str, float]:
        """Return the likeliest language of the first half minute."""
        if not self._model.model.is_multilingual:
            return "en", 1.0
        language, probability, _all = self._model.detect_language(samples[:_WINDOW])
        return language, probability

    def segments(self, samples: Samples, language: str) -> Iterator[Segment]:
        """Yield segments as they are decoded."""
        found, _info = self._model.transcribe(
            samples,
            language=language,
            beam_size=self._beam_size,
            condition_on_previous_text=False,
        )
        for each in found:
            yield Segment(
                each.start,
                each.end,
                each.text.strip(),
                math.exp(min(each.avg_logprob, 0.0)),
                each.no_speech_prob,
                each.compression_ratio,
            )


def compute_type(settings: SpeechSettings) -> str:
    """Return the number format in which the model computes here."""
    import ctranslate2

    if settings.compute_type != "auto":
        return settings.compute_type
    on_gpu = settings.device == "cuda" or (
        settings.device == "auto" and ctranslate2.get_cuda_device_count() > 0
    )
    return "float16" if on_gpu else "int8"
