"""Seconds of speech recognised per second by the lane of ingestion, beside faster-whisper alone.

Both hear the same recordings with the same weights and threads, in turn, each in one
process. The first recording loads the model and does not count. espeak-ng speaks them.
"""

import shutil
import subprocess
import tempfile
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pydantic import BaseModel

from eval.bench.machine import Machine, this_machine
from eval.bench.material import pages
from eval.bench.parts import HearRecordings
from eval.bench.ratio import Ratio, sides_text
from eval.errors import EvaluationError
from eval.progress import LineProgress, Progress

_LINES = 9


@dataclass(frozen=True, slots=True)
class SpeechPlan:
    """`recordings` of about half a minute are heard a round, beside the first one."""

    recordings: int = 4
    rounds: int = 3


class SpeechBenchReport(BaseModel):
    """Seconds of sound per second, medians over the rounds; `ratio` is the lane to the model."""

    machine: Machine
    seconds: float
    rounds: int
    lane_per_s: float
    model_per_s: float
    ratio: Ratio

    def to_text(self) -> str:
        """Return the report as plain text with a Markdown table."""
        head = f"{self.seconds:.0f} s of speech, median of {self.rounds} rounds; {self.machine}"
        sides = {
            "the lane of ingestion": f"{self.lane_per_s:.1f}",
            "faster-whisper alone": f"{self.model_per_s:.1f}",
        }
        return sides_text(
            head, ["speech", "seconds of sound/s"], sides, f"Lane / model: {self.ratio}"
        )


def bench_speech(
    plan: SpeechPlan,
    lane: HearRecordings,
    model: HearRecordings,
    speak: Callable[[str, Path], None] | None = None,
    progress: Progress | None = None,
) -> SpeechBenchReport:
    """Measure `lane` against `model`; raises `EvaluationError` where one hears nothing."""
    progress = progress or LineProgress()
    ours, theirs, seconds = [], [], 0.0
    with tempfile.TemporaryDirectory(prefix="pmoves-bench-") as folder:
        for number in range(plan.rounds):
            paths = _recordings(plan, Path(folder), number, speak or espeak)
            seconds = sum(map(_seconds, paths[1:]))
            theirs.append(seconds / _time(model(paths), len(paths)))
            ours.append(seconds / _time(lane(paths), len(paths)))
            progress("round", number + 1, plan.rounds)
    return SpeechBenchReport(
        machine=this_machine("faster-whisper", "ctranslate2"),
        seconds=seconds,
        rounds=plan.rounds,
        lane_per_s=median(ours),
        model_per_s=median(theirs),
        ratio=Ratio.of(ours, theirs),
    )


def espeak(text: str, path: Path) -> None:
    """Have `text` spoken into `path`; raises `EvaluationError` without espeak-ng."""
    if shutil.which("espeak-ng") is None:
        raise EvaluationError("espeak-ng speaks the recordings; apt-get install espeak-ng")
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", str(path), text], check=True)


def _recordings(
    plan: SpeechPlan, folder: Path, seed: int, speak: Callable[[str, Path], None]
) -> list[Path]:
    paths = []
    for number, lines in enumerate(pages(plan.recordings + 1, _LINES, seed)):
        path = folder / f"{seed}-{number}.wav"
        speak(". ".join(lines) + ".", path)
        paths.append(path)
    return paths


def _seconds(path: Path) -> float:
    with wave.open(str(path)) as sound:
        return float(sound.getnframes() / sound.getframerate())


def _time(heard: Iterator[int], expected: int) -> float:
    """Return the seconds from the end of the first recording to that of the last one."""
    words: Sequence[int] = [next(heard, 0)]
    start = time.perf_counter()
    words = [*words, *heard]
    seconds = time.perf_counter() - start
    if len(words) != expected or not all(words):
        raise EvaluationError(f"words were heard in {sum(map(bool, words))} of {expected} files")
    return seconds
