"""Passages per second through the embedding stage of Ray Data, beside the model alone.

Both embed the same passages in the same portions, in turn, each in one process. The
first portion loads the model and does not count.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from pydantic import BaseModel

from eval.bench.machine import Machine, this_machine
from eval.bench.material import pages
from eval.bench.parts import EmbedPassages
from eval.bench.ratio import Ratio, sides_text
from eval.errors import EvaluationError
from eval.progress import LineProgress, Progress
from retrieval.embedding.base import Embedder

PORTION = 256
"""Passages that go to the model at once, in ingestion and here."""
_LINES = 9


@dataclass(frozen=True, slots=True)
class EmbeddingPlan:
    """`portions` of passages are embedded a round, beside the first one."""

    portions: int = 6
    rounds: int = 3


class EmbeddingBenchReport(BaseModel):
    """Passages/s, medians over the rounds; `ratio` is the stage to the model alone."""

    machine: Machine
    passages: int
    rounds: int
    stage_per_s: float
    model_per_s: float
    ratio: Ratio

    def to_text(self) -> str:
        """Return the report as plain text with a Markdown table."""
        head = f"{self.passages} passages, median of {self.rounds} rounds; {self.machine}"
        sides = {
            "the stage in Ray Data": f"{self.stage_per_s:.1f}",
            "the model alone": f"{self.model_per_s:.1f}",
        }
        headers = ["embedding", "passages/s"]
        return sides_text(head, headers, sides, f"Stage / model: {self.ratio}")


def bench_embedding(
    plan: EmbeddingPlan,
    stage: EmbedPassages,
    load_model: Callable[[], Embedder],
    progress: Progress | None = None,
) -> EmbeddingBenchReport:
    """Measure `stage` against the model; raises `EvaluationError` where passages get lost."""
    progress = progress or LineProgress()
    model = load_model()
    ours, theirs = [], []
    for number in range(plan.rounds):
        texts = passages(PORTION * (plan.portions + 1), seed=number)
        theirs.append(_rate(_with_model(model, texts), len(texts)))
        ours.append(_rate(stage(texts), len(texts)))
        progress("round", number + 1, plan.rounds)
    return EmbeddingBenchReport(
        machine=this_machine("ray", "torch", "sentence-transformers"),
        passages=PORTION * plan.portions,
        rounds=plan.rounds,
        stage_per_s=median(ours),
        model_per_s=median(theirs),
        ratio=Ratio.of(ours, theirs),
    )


def passages(count: int, seed: int) -> list[str]:
    """Return `count` passages of ninety words, different for every seed."""
    return [" ".join(lines) for lines in pages(count, _LINES, seed)]


def _with_model(model: Embedder, texts: Sequence[str]) -> Iterator[int]:
    for start in range(0, len(texts), PORTION):
        yield len(model.embed_passages(texts[start : start + PORTION]))


def _rate(portions: Iterator[int], expected: int) -> float:
    """Return passages/s from the end of the first portion to that of the last one."""
    first = next(portions, 0)
    start = time.perf_counter()
    rest = sum(portions)
    seconds = time.perf_counter() - start
    if first + rest != expected:
        raise EvaluationError(f"{first + rest} of {expected} passages were embedded")
    return rest / seconds
