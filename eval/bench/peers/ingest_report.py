"""What the comparison with unstructured and Haystack found, as data and as a table."""

from collections.abc import Iterator

from pydantic import BaseModel

from eval.bench.machine import Machine
from eval.bench.peers.memory import MemoryUsed
from eval.bench.peers.search_report import MIB, SPEED_UP, target_line
from eval.bench.ratio import Ratio
from eval.tables import text_table


class SideIngested(BaseModel):
    """One side, with or without embedding: medians over the rounds, failures in all.

    `memory` is the most that its processes held in any round.
    """

    name: str
    embedded: bool
    files_per_s: float
    passages: int
    failures: int
    memory: MemoryUsed


class IngestRatio(Ratio):
    """Files/s of the mesh over those of the peer."""

    embedded: bool


class PeersIngestReport(BaseModel):
    """One run of the comparison."""

    machine: Machine
    peer_versions: dict[str, str]
    files: int
    rounds: int
    sides: list[SideIngested]
    ratios: list[IngestRatio]

    def to_text(self) -> str:
        """Return the report as plain text with a Markdown table."""
        packages = ", ".join(f"{name} {version}" for name, version in self.peer_versions.items())
        head = (
            f"{self.files} files (text PDF, DOCX, HTML, Markdown), median of {self.rounds} "
            f"rounds; {self.machine}; the peer: {packages}"
        )
        headers = ["ingesting", "files/s", "passages", "failed", "peak PSS MiB"]
        table = text_table(headers, [_row(side) for side in self.sides])
        return "\n\n".join([head, table, "\n".join(self._notes())])

    def _notes(self) -> Iterator[str]:
        for ratio in self.ratios:
            yield f"files/s, mesh / peer, {_kind(ratio.embedded)}: {ratio}"
        for ratio in self.ratios:
            wanted = f"files/s / peer, {_kind(ratio.embedded)}, at least {SPEED_UP:.0f}"
            yield target_line(wanted, f"{ratio.median:.2f}", ratio.median >= SPEED_UP)


def _row(side: SideIngested) -> list[str]:
    return [
        f"{side.name}, {_kind(side.embedded)}",
        f"{side.files_per_s:.1f}",
        str(side.passages),
        str(side.failures),
        f"{side.memory.pss / MIB:.0f}",
    ]


def _kind(embedded: bool) -> str:
    return "with embedding" if embedded else "without embedding"
