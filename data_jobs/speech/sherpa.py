"""Voices by sherpa-onnx, from a model in a file: WeSpeaker, 3D-Speaker, NeMo exports.

https://k2-fsa.github.io/sherpa/onnx/speaker-identification/
"""

import numpy as np
import sherpa_onnx

from data_jobs.errors import SpeechError
from data_jobs.speech.base import SAMPLE_RATE, Samples, Voice
from data_jobs.speech.settings import SpeakerSettings
from data_jobs.speech.speakers import model_file

# Less says too little of a voice.
_LEAST_SECONDS = 0.5


class SherpaEncoder:
    """A speaker embedding model in ONNX, the file of `settings.model` or the one in that folder."""

    def __init__(self, settings: SpeakerSettings, threads: int) -> None:
        path = model_file(settings.model)
        config = sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=str(path), num_threads=threads)
        try:
            self._extractor = sherpa_onnx.SpeakerEmbeddingExtractor(config)
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise SpeechError(f"PMOVES_SPEECH__SPEAKERS__MODEL: {reason}") from error
        self.name = f"sherpa-onnx {path.stem}"

    def encode(self, samples: Samples) -> Voice | None:
        """Return the voice in `samples`."""
        if len(samples) < _LEAST_SECONDS * SAMPLE_RATE:
            return None
        stream = self._extractor.create_stream()
        stream.accept_waveform(SAMPLE_RATE, samples)
        stream.input_finished()
        if not self._extractor.is_ready(stream):
            return None
        voice = np.asarray(self._extractor.compute(stream), np.float32)
        length = float(np.linalg.norm(voice))
        return voice / np.float32(length) if length > 0 else None
