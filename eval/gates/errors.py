"""Why a gate says no, as errors that carry their reason."""

from typing import Literal

from eval.errors import EvaluationError

Reason = Literal[
    "invalid-request",
    "request-id-reused",
    "unknown-persona",
    "persona-mismatch",
    "unknown-dataset",
    "path-not-allowed",
    "invalid-gate",
    "dataset-missing",
    "gateway-unavailable",
    "evaluation-failed",
    "threshold-not-met",
    "timeout",
    "interrupted",
    "overloaded",
    "store-unavailable",
    "internal",
]
"""Stable names, as the contract of the failed answer lists them."""


class GateError(EvaluationError):
    """A gate that cannot be passed; `reason` goes into the answer, the message is its detail."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
