"""What the comparison with the peers found about searching, as data and as tables."""

from collections.abc import Iterator

from pydantic import BaseModel

from eval.bench.machine import Machine
from eval.bench.peers.memory import MemoryUsed
from eval.bench.ratio import Ratio
from eval.bench.search_report import GeneratorLimit
from eval.comparison import Difference
from eval.statistics import Estimate
from eval.tables import text_table

SPEED_UP = 3.0
"""By how much the mesh should be faster than each peer."""
MIB = 2**20


class SystemSummary(BaseModel):
    """One system: seconds of indexing, quality, and its memory after the last round.

    `idle_cores` is how many cores it takes while another one is asked.
    """

    name: str
    versions: dict[str, str]
    index_s: float
    quality: Estimate
    memory: MemoryUsed | None
    idle_cores: float | None = None


class SystemLoad(BaseModel):
    """One system with one number of clients: medians over the rounds, failures in all.

    `cpu_ms` is the processor time of its processes for a search, which other programs on
    the machine hardly change.
    """

    name: str
    clients: int
    searches_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    failures: int
    cpu_ms: float | None = None


class PeerRatio(Ratio):
    """The mesh over `peer` in `what`, with so many clients."""

    what: str
    peer: str
    clients: int


class PeersSearchReport(BaseModel):
    """One run of the comparison; `differences` are the mesh's quality less that of each peer."""

    machine: Machine
    dataset: str
    dataset_hash: str
    passages: int
    queries: int
    k: int
    rounds: int
    searches_per_round: int
    systems: list[SystemSummary]
    loads: list[SystemLoad]
    ratios: list[PeerRatio]
    differences: list[Difference]
    generator: list[GeneratorLimit]

    def to_text(self) -> str:
        """Return the report as plain text with Markdown tables."""
        notes = "\n".join([*self._notes(), *self.targets(), *self._versions()])
        return "\n\n".join([self._head(), self._loads(), self._systems(), notes])

    def targets(self) -> Iterator[str]:
        """Yield a line for each target: what was wanted, what was found, reached or missed."""
        most = max(load.clients for load in self.loads)
        for ratio in self.ratios:
            if ratio.clients != most:
                continue
            fast = ratio.what == "searches/s"
            wanted = f"at least {SPEED_UP:.0f}" if fast else "below 1"
            reached = ratio.median >= SPEED_UP if fast else ratio.median < 1
            where = f"{ratio.what} / {ratio.peer} with {most} clients"
            yield target_line(f"{where} {wanted}", f"{ratio.median:.2f}", reached)
        for found in self.differences:
            what = f"{found.metric} above that of {found.scope}"
            told = f"{found.difference.signed()}, p = {found.p_corrected:.4f}"
            yield target_line(what, told, found.verdict == "better")

    def _head(self) -> str:
        return (
            f"{self.dataset}: {self.passages} passages, k = {self.k}, median of {self.rounds} "
            f"rounds of {self.searches_per_round} distinct searches over HTTP each, quality on "
            f"{self.queries} judged queries; {self.machine}"
        )

    def _loads(self) -> str:
        rows = [
            [
                f"{load.name}, {load.clients} client{'s' * (load.clients > 1)}",
                f"{load.searches_per_s:.1f}",
                *(f"{value:.1f}" for value in (load.p50_ms, load.p95_ms, load.p99_ms)),
                f"{load.cpu_ms:.1f}" if load.cpu_ms is not None else "-",
                str(load.failures),
            ]
            for load in self.loads
        ]
        headers = ["searching", "searches/s", "p50 ms", "p95 ms", "p99 ms", "CPU ms", "failed"]
        return text_table(headers, rows)

    def _systems(self) -> str:
        rows = [
            [
                system.name,
                f"{system.quality}",
                f"{system.index_s:.1f}",
                f"{system.memory.pss / MIB:.0f}" if system.memory else "-",
                f"{system.memory.rss / MIB:.0f}" if system.memory else "-",
                f"{system.idle_cores:.2f}" if system.idle_cores is not None else "-",
            ]
            for system in self.systems
        ]
        return text_table(
            ["system", "nDCG@10", "indexing s", "PSS MiB", "RSS MiB", "idle cores"], rows
        )

    def _notes(self) -> Iterator[str]:
        for ratio in self.ratios:
            yield f"{ratio.what}, mesh / {ratio.peer} with {ratio.clients}: {ratio}"
        for limit in self.generator:
            yield (
                f"The load generator alone with {limit.clients}: {limit.requests_per_s:.0f} "
                f"requests/s, {limit.requests_per_s / self._fastest(limit.clients):.0f} times the "
                "fastest of them"
            )

    def _fastest(self, clients: int) -> float:
        return max(load.searches_per_s for load in self.loads if load.clients == clients)

    def _versions(self) -> Iterator[str]:
        for system in self.systems:
            packages = ", ".join(f"{name} {version}" for name, version in system.versions.items())
            yield f"{system.name}: {packages}"


def target_line(wanted: str, found: str, reached: bool) -> str:
    """Return the line of a report about one target."""
    return f"Target {wanted}: {found}, {'reached' if reached else 'missed'}"
