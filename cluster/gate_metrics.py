"""Gates of personas in the metrics of the gateway."""

from typing import get_args

from eval.gates.errors import Reason
from eval.gates.watching import LEFT, PASSED
from serve_apps.metrics import Metrics

_ANSWERS = "pmoves_persona_answers_total"


class GateMetrics:
    """A `GateWatch` that counts."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        # A series that begins with its first failure would look as if nothing had grown.
        for outcome in (PASSED, LEFT, *get_args(Reason)):
            metrics.count(_ANSWERS, outcome, by=0)

    def began(self) -> None:
        """Count a request that waits for its answer."""
        self._metrics.add("pmoves_persona_requests", 1)

    def ended(self, outcome: str, seconds: float) -> None:
        """Count its answer and its time."""
        self._metrics.add("pmoves_persona_requests", -1)
        self._metrics.count(_ANSWERS, outcome)
        self._metrics.observe("pmoves_persona_answer_seconds", seconds=seconds)
