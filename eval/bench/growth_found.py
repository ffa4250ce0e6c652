"""What the rounds of one size of the growth benchmark gave."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

Latencies = dict[str, list[float]]
P95 = "p95 of a search"


@dataclass(slots=True)
class Found:
    """Figures of each round by name, and seconds until each commit was seen."""

    rounds: dict[str, list[float]] = field(default_factory=dict)
    p50: dict[str, list[float]] = field(default_factory=dict)
    p95: dict[str, list[float]] = field(default_factory=dict)
    visible: list[float] = field(default_factory=list)

    def add(self, name: str, value: float) -> None:
        """Note the figure `name` of one more round."""
        self.rounds.setdefault(name, []).append(value)

    def add_latencies(self, kind: str, seconds: Sequence[float]) -> None:
        """Note the latencies of the searches of one kind in one more round."""
        p50, p95 = np.percentile(seconds, [50, 95]) * 1e3
        self.p50.setdefault(kind, []).append(float(p50))
        self.p95.setdefault(kind, []).append(float(p95))
        self.add(f"p95, {kind}", float(p95))

    def median(self, name: str) -> float:
        """Return the median over the rounds."""
        return median(self.rounds[name])

    def median_of(self, share: str) -> dict[str, float]:
        """Return the medians of `p50` or `p95` by kind of search, in ms."""
        found: dict[str, list[float]] = getattr(self, share)
        return {kind: median(values) for kind, values in found.items()}

    def visible_s(self) -> float:
        """Return the 99th percentile of the seconds until a commit was seen."""
        return float(np.percentile(self.visible, 99))
