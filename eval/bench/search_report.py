"""What the search benchmark found, as data and as a table."""

from pydantic import BaseModel

from eval.bench.machine import Machine
from eval.bench.ratio import Ratio
from eval.tables import text_table


class Measured(BaseModel):
    """One system with one number of clients: medians over the rounds, failures in all."""

    system: str
    clients: int
    searches_per_s: float
    p50_ms: float
    p95_ms: float
    failures: int


class ClientsRatio(Ratio):
    """Searches/s over HTTP as a share of those in process, with so many clients."""

    clients: int


class GeneratorLimit(BaseModel):
    """Requests/s that the load generator gets from a server that does nothing."""

    clients: int
    requests_per_s: float


class SearchBenchReport(BaseModel):
    """One run of the search benchmark."""

    machine: Machine
    passages: int
    k: int
    rounds: int
    searches_per_round: int
    measured: list[Measured]
    ratios: list[ClientsRatio]
    generator: list[GeneratorLimit]

    def to_text(self) -> str:
        """Return the report as plain text with a Markdown table."""
        rows = [
            [
                f"{item.system}, {item.clients} client{'s' * (item.clients > 1)}",
                f"{item.searches_per_s:.1f}",
                f"{item.p50_ms:.1f}",
                f"{item.p95_ms:.1f}",
                str(item.failures),
            ]
            for item in self.measured
        ]
        headers = ["searching", "searches/s", "p50 ms", "p95 ms", "failed"]
        return "\n\n".join([self._head(), text_table(headers, rows), self._notes()])

    def _head(self) -> str:
        return (
            f"{self.passages} passages, k = {self.k}, median of {self.rounds} rounds of "
            f"{self.searches_per_round} distinct searches each; {self.machine}"
        )

    def _notes(self) -> str:
        lines = [f"HTTP / in process with {ratio.clients}: {ratio}" for ratio in self.ratios]
        lines += [
            f"The load generator alone with {limit.clients}: {limit.requests_per_s:.0f} requests/s"
            for limit in self.generator
        ]
        return "\n".join(lines)
