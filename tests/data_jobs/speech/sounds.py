"""Recordings made here: tones by PyAV, and speech by espeak-ng."""

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from data_jobs.speech.base import SAMPLE_RATE, Samples

# Without numbers and names, which are written in many ways.
SENTENCES = (
    "Please bring the long cable and the small table from the kitchen.",
    "The weather was cold, and the boat came back late in the evening.",
    "We listen to every song again before we choose the best one.",
)
SPOKEN = " ".join(SENTENCES)
# Container, encoder and media type by extension.
FORMATS = {
    "wav": ("wav", "pcm_s16le", "audio/wav"),
    "mp3": ("mp3", "mp3", "audio/mpeg"),
    "flac": ("flac", "flac", "audio/flac"),
    "ogg": ("ogg", "flac", "audio/ogg"),
    "opus": ("ogg", "libopus", "audio/ogg"),
    "aac": ("adts", "aac", "audio/aac"),
    "aiff": ("aiff", "pcm_s16be", "audio/aiff"),
    "m4a": ("ipod", "aac", "audio/mp4"),
    "mp4": ("mp4", "aac", "video/mp4"),
    "mov": ("mov", "aac", "video/quicktime"),
    "mkv": ("matroska", "aac", "video/x-matroska"),
    "webm": ("webm", "libopus", "video/webm"),
    "avi": ("avi", "mp3", "video/x-msvideo"),
    "wmv": ("asf", "mp3", "video/x-ms-asf"),
    "flv": ("flv", "mp3", "video/x-flv"),
    "ts": ("mpegts", "mp2", "video/mp2t"),
    "mpg": ("mpeg", "mp2", "video/mpeg"),
}


def tone(seconds: float, hertz: float = 440.0) -> Samples:
    """A quiet tone, mono at 16 kHz."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.2 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


def noise(seconds: float) -> Samples:
    dice = np.random.default_rng(7)
    return (0.1 * dice.standard_normal(int(seconds * SAMPLE_RATE))).astype(np.float32)


def write(path: Path, samples: Samples, rate: int = 48_000, **metadata: str) -> Path:
    """Write mono 16 kHz `samples` to `path` in the format of its extension."""
    container, encoder, _media_type = FORMATS[path.suffix[1:]]
    with av.open(str(path), "w", format=container) as file:
        file.metadata.update(metadata)
        stream = file.add_stream(encoder, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            (samples * 32_767).astype(np.int16)[None, :], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        assert isinstance(stream, av.AudioStream)
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def speech(text: str, folder: Path, voice: str = "en-us") -> Samples:
    """Return `text` spoken by a voice of espeak-ng."""
    path = folder / "espeak.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", "140", "-w", str(path), text], check=True)
    with av.open(str(path)) as file:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        frames = [out for frame in file.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    joined = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    spoken: Samples = joined.astype(np.float32) / np.float32(32_768)
    return spoken


def word_errors(said: str, heard: str) -> float:
    """Return the word error rate: edits between the words over the words that were said."""
    wanted, found = _words(said), _words(heard)
    row = list(range(len(found) + 1))
    for number, word in enumerate(wanted, 1):
        above, row[0] = row[0], number
        for at, other in enumerate(found, 1):
            above, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, above + (word != other))
    return row[-1] / len(wanted)


def _words(text: str) -> list[str]:
    kept = (character if character.isalnum() else " " for character in text.lower())
    return "".join(kept).split()
