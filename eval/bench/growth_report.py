"""What the growth benchmark found, as data and as tables."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel

from eval.bench.growth_material import DIMENSION
from eval.bench.machine import Machine
from eval.bench.ratio import Ratio
from eval.tables import text_table

_RAW_BYTES = 4 * DIMENSION


class SizeMeasured(BaseModel):
    """One size: medians over the rounds; `p50_ms` and `p95_ms` by kind of search.

    `memory_ratio` is by how much a process grows with the index over the bare float32
    vectors, `peak_ratio` the same while the index is built, `process_ratio` the whole
    process afterwards.
    """

    chunks: int
    p50_ms: dict[str, float]
    p95_ms: dict[str, float]
    searches_per_s: float
    commit_ms_per_document: float
    upkeep_ms_per_document: float
    catch_up_chunks_per_s: float
    visible_s: float
    bytes_per_vector: float
    memory_ratio: float
    peak_ratio: float
    process_ratio: float
    cold_ready_s: float
    cold_settled_s: float
    warm_start_s: float


class GrowthRatio(Ratio):
    """The largest size over the smallest, in `what`."""

    what: str


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
        """Return the report as plain text with Markdown tables."""
        return "\n\n".join([self._head(), self._searches(), self._others(), self._notes()])

    def _head(self) -> str:
        return (
            f"Synthetic chunks without a model, k = {self.k}, median of {self.rounds} rounds of "
            f"{self.searches_per_round} searches of each kind for each size in turn; searches/s "
            f"with {self.clients} clients; {self.machine}"
        )

    def _searches(self) -> str:
        headers = ["p50 / p95 ms", *(f"{size.chunks:,}" for size in self.sizes)]
        rows = [
            [kind, *(f"{size.p50_ms[kind]:.1f} / {size.p95_ms[kind]:.1f}" for size in self.sizes)]
            for kind in self.sizes[0].p50_ms
        ]
        return text_table(headers, rows)

    def _others(self) -> str:
        headers = ["", *(f"{size.chunks:,}" for size in self.sizes)]
        rows = [
            [title, *(f"{getattr(size, name):.{digits}f}" for size in self.sizes)]
            for name, (title, digits) in _TITLES.items()
        ]
        return text_table(headers, rows)

    def _notes(self) -> str:
        return "\n".join(f"{ratio.what}, largest / smallest: {ratio}" for ratio in self.ratios)


_TITLES = {
    "searches_per_s": ("searches/s", 0),
    "commit_ms_per_document": ("commit ms/document", 1),
    "upkeep_ms_per_document": ("upkeep ms/document", 1),
    "catch_up_chunks_per_s": ("catch-up chunks/s", 0),
    "visible_s": ("visible s, p99", 2),
    "bytes_per_vector": ("bytes/vector", 0),
    "memory_ratio": ("index / bare vectors", 2),
    "peak_ratio": ("the same while built, at most", 2),
    "process_ratio": ("whole process / bare vectors", 2),
    "cold_ready_s": ("cold start s, until it searches", 1),
    "cold_settled_s": ("until all is built", 1),
    "warm_start_s": ("warm start s", 1),
}


def memory_ratio(found: int, vectors: int) -> float:
    """Return `found` bytes over those of `vectors` bare vectors."""
    return found / (vectors * _RAW_BYTES)


def ratios(
    small: Mapping[str, Sequence[float]], large: Mapping[str, Sequence[float]]
) -> Iterator[GrowthRatio]:
    """Yield by how much each figure grows, from its values in the same rounds."""
    for what, below in small.items():
        yield GrowthRatio.of(large[what], below, what=what)
