"""What the growth benchmark found, as data and as a table."""

from pydantic import BaseModel

from eval.bench.growth_material import DIMENSION
from eval.bench.machine import Machine
from eval.tables import text_table

_RAW_BYTES = 4 * DIMENSION


class SizeMeasured(BaseModel):
    """One size: medians over the rounds.

    `memory_ratio` is resident memory over that of the bare float32 vectors,
    `peak_ratio` the same while the index is built.
    """

    chunks: int
    p50_ms: float
    p95_ms: float
    searches_per_s: float
    commit_ms_per_document: float
    catch_up_chunks_per_s: float
    visible_s: float
    bytes_per_vector: float
    memory_ratio: float
    peak_ratio: float
    cold_start_s: float
    warm_start_s: float


class GrowthRatio(BaseModel):
    """The largest size over the smallest: median, least and most of the rounds."""

    what: str
    median: float
    low: float
    high: float


class GrowthBenchReport(BaseModel):
    """One run of the growth benchmark."""

    machine: Machine
    k: int
    rounds: int
    searches_per_round: int
    clients: int
    sizes: list[SizeMeasured]
    ratios: list[GrowthRatio]

    def to_text(self) -> str:
        """Return the report as plain text with a Markdown table."""
        headers = [
            "chunks",
            "p50 ms",
            "p95 ms",
            "searches/s",
            "commit ms/doc",
            "catch-up chunks/s",
            "visible s",
            "bytes/vector",
            "of raw",
            "cold s",
            "warm s",
        ]
        rows = [
            [
                f"{item.chunks:,}",
                f"{item.p50_ms:.1f}",
                f"{item.p95_ms:.1f}",
                f"{item.searches_per_s:.0f}",
                f"{item.commit_ms_per_document:.1f}",
                f"{item.catch_up_chunks_per_s:.0f}",
                f"{item.visible_s:.2f}",
                f"{item.bytes_per_vector:.0f}",
                f"{item.memory_ratio:.2f}",
                f"{item.cold_start_s:.1f}",
                f"{item.warm_start_s:.1f}",
            ]
            for item in self.sizes
        ]
        return "\n\n".join([self._head(), text_table(headers, rows), self._notes()])

    def _head(self) -> str:
        return (
            f"Synthetic chunks without a model, k = {self.k}, median of {self.rounds} rounds of "
            f"{self.searches_per_round} searches for each size in turn; searches/s with "
            f"{self.clients} clients; {self.machine}"
        )

    def _notes(self) -> str:
        return "\n".join(
            f"{ratio.what}, largest / smallest: {ratio.median:.2f} "
            f"(rounds: {ratio.low:.2f} to {ratio.high:.2f})"
            for ratio in self.ratios
        )


def memory_ratio(found: int, vectors: int) -> float:
    """Return `found` bytes over those of `vectors` bare vectors."""
    return found / (vectors * _RAW_BYTES)
