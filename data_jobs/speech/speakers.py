"""Who speaks: an encoder turns stretches of speech into voices, and like voices are one speaker."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from data_jobs.errors import SpeechError
from data_jobs.speech.base import Samples, Voice
from data_jobs.speech.settings import SpeakerSettings

# All pairs of so many voices are compared; the others go to the nearest speaker.
_MOST_COMPARED = 1_000
INSTALL = "pip install 'pmoves-mesh[speakers]'"


class VoiceEncoder(Protocol):
    """A loaded model that tells voices apart; for one thread."""

    name: str

    def encode(self, samples: Samples) -> Voice | None:
        """Return the voice in mono `samples` at 16 kHz, of length 1; None where they are too few.

        The smaller the cosine distance of two voices, the likelier they are one speaker's.
        """
        ...


def load_encoder(settings: SpeakerSettings, threads: int) -> VoiceEncoder | None:
    """Return the encoder of `settings`, None where speakers are not told apart.

    Raises `SpeechError` where it is not installed or its model cannot be loaded.
    """
    if settings.backend == "off":
        return None
    try:
        from data_jobs.speech.sherpa import SherpaEncoder
    except ImportError as error:
        raise SpeechError(f"sherpa-onnx is not installed: {INSTALL}") from error
    return SherpaEncoder(settings, threads)


def model_file(model: str) -> Path:
    """Return the ONNX file that `model` names, or that lies in that folder; else `SpeechError`."""
    path = Path(model).expanduser().absolute()
    if model and path.is_dir():
        found = sorted(path.glob("*.onnx"))
        if len(found) != 1:
            raise SpeechError(
                f"PMOVES_SPEECH__SPEAKERS__MODEL: {str(path)!r} holds {len(found)} .onnx files; "
                "name one of them"
            )
        return found[0]
    if not model or not path.is_file():
        raise SpeechError(
            f"PMOVES_SPEECH__SPEAKERS__MODEL: there is no model at {model!r}; name the .onnx file "
            "of a speaker embedding model"
        )
    return path


def speakers_of(voices: Sequence[Voice | None], settings: SpeakerSettings) -> list[str]:
    """Return "S1", "S2", … for each voice, in the order in which they are first heard.

    Empty for None. There are `settings.count` speakers, or as many as `settings.threshold`
    parts.
    """
    heard = [at for at, voice in enumerate(voices) if voice is not None]
    labels = [""] * len(voices)
    if not heard:
        return labels
    matrix = np.stack([voice for voice in voices if voice is not None])
    names: dict[int, str] = {}
    for at, number in zip(heard, _clustered(matrix, settings), strict=True):
        labels[at] = names.setdefault(int(number), f"S{len(names) + 1}")
    return labels


def _clustered(voices: Voice, settings: SpeakerSettings) -> npt.NDArray[np.int64]:
    compared = _spread(len(voices))
    numbers = _numbers(voices[compared], settings)
    centres = np.stack([voices[compared][numbers == n].mean(0) for n in range(numbers.max() + 1)])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    found: npt.NDArray[np.int64] = (voices @ centres.T).argmax(1)
    found[compared] = numbers
    return found


def _spread(count: int) -> npt.NDArray[np.int64]:
    """Return the places of the voices that are compared with each other, from all over."""
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_COMPARED)).astype(np.int64))


def _numbers(voices: Voice, settings: SpeakerSettings) -> npt.NDArray[np.int64]:
    from sklearn.cluster import AgglomerativeClustering

    if len(voices) == 1:
        return np.zeros(1, np.int64)
    count = min(settings.count, len(voices)) or None
    threshold = None if count else settings.threshold
    clustering = AgglomerativeClustering(
        n_clusters=count, metric="cosine", linkage="average", distance_threshold=threshold
    )
    numbers: npt.NDArray[np.int64] = clustering.fit_predict(voices)
    return numbers
