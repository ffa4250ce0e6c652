"""The speech benchmark around recognisers that count the seconds of what they are given."""

import wave
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from eval.bench.speech import SpeechPlan, bench_speech
from eval.errors import EvaluationError

PLAN = SpeechPlan(recordings=2, rounds=2)


def silent(stage: str, done: int, total: int) -> None:
    """Say nothing."""


def speak(text: str, path: Path) -> None:
    """Write a tenth of a second of silence for each sentence."""
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8_000, 0, "NONE", "not compressed"))
        sound.writeframes(bytes(1_600) * text.count("."))


def test_both_hear_the_same_recordings_in_the_same_order() -> None:
    asked: list[str] = []

    def hear(paths: Sequence[Path]) -> Iterator[int]:
        for path in paths:
            asked.append(path.name)
            yield 7

    report = bench_speech(PLAN, hear, hear, speak, silent)
    assert asked[:3] == asked[3:6] == ["0-0.wav", "0-1.wav", "0-2.wav"]
    assert asked[6:9] == asked[9:] == ["1-0.wav", "1-1.wav", "1-2.wav"]
    assert report.seconds > 0
    assert report.ratio.low <= report.ratio.median <= report.ratio.high
    assert "| faster-whisper alone" in report.to_text()


def test_silence_is_no_figure() -> None:
    def deaf(paths: Sequence[Path]) -> Iterator[int]:
        yield from [7, *[0 for _ in paths[1:]]]

    def hear(paths: Sequence[Path]) -> Iterator[int]:
        yield from [7 for _ in paths]

    with pytest.raises(EvaluationError, match="1 of 3 files"):
        bench_speech(PLAN, deaf, hear, speak, silent)
