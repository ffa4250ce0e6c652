"""Whisper by openai-whisper, which runs it on PyTorch."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_jobs.errors import SpeechError
from data_jobs.speech.base import Samples, Segment
from data_jobs.speech.checkpoint import checkpoint_of
from data_jobs.speech.models import weights_of
from data_jobs.speech.settings import SpeechSettings


class OpenaiWhisper:
    """A model of openai-whisper; packaged weights are converted once."""

    def __init__(self, settings: SpeechSettings, cache: Path, threads: int) -> None:
        import torch
        import whisper

        torch.set_num_threads(threads)
        name, where = weights_of(settings.model, cache)
        if Path(where).is_dir():
            where = str(checkpoint_of(Path(where), cache))
        device = None if settings.device == "auto" else settings.device
        try:
            self._model: Any = whisper.load_model(where, device, str(cache))
        except (RuntimeError, KeyError, OSError) as error:
            raise SpeechError(f"the model {where!r} cannot be loaded: {error}") from error
        self._beam_size = settings.beam_size
        self.name = f"openai-whisper {name}"

    def detect_language(self, samples: Samples) -> tuple[str, float]:
        """Return the likeliest language of the first half minute."""
        import whisper

        if not self._model.is_multilingual:
            return "en", 1.0
        sound = whisper.pad_or_trim(samples)
        mel = whisper.log_mel_spectrogram(sound, self._model.dims.n_mels).to(self._model.device)
        _tokens, found = self._model.detect_language(mel)
        best = max(found, key=found.get)
        return best, float(found[best])

    def segments(self, samples: Samples, language: str) -> Iterator[Segment]:
        """Yield the segments of `samples`."""
        found = self._model.transcribe(
            samples,
            verbose=None,
            language=language,
            beam_size=self._beam_size,
            condition_on_previous_text=False,
            fp16=self._model.device.type == "cuda",
        )
        for each in found["segments"]:
            yield Segment(
                float(each["start"]),
                float(each["end"]),
                each["text"].strip(),
                math.exp(min(each["avg_logprob"], 0.0)),
                each["no_speech_prob"],
                each["compression_ratio"],
            )
