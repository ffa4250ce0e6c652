"""What `pmoves evaluate` needs from packages that `eval` may not import."""

from collections.abc import Callable
from dataclasses import dataclass

from eval.datasets.base import Dataset


@dataclass(frozen=True, slots=True)
class EvaluateParts:
    """The context object of `evaluate_app`: parses and cuts the sample library."""

    sample_library: Callable[[], Dataset]
