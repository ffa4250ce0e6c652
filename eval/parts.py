"""What `pmoves evaluate` and `sweep` need from packages that `eval` may not import."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from eval.datasets.base import Dataset, DatasetDocument
from retrieval.settings import EmbeddingSettings


class Cutter(Protocol):
    """Cuts documents into passages as ingestion does; can be sent to another process."""

    def in_force(self) -> tuple[int, int]:
        """Return the size and the overlap of passages that are set, in tokens."""
        ...

    def cut(
        self,
        dataset: Dataset,
        size: int | None,
        overlap: int | None,
        embedding: EmbeddingSettings,
    ) -> Sequence[DatasetDocument]:
        """Return the documents with passages of `size` and `overlap` tokens; None: as set."""
        ...


@dataclass(frozen=True, slots=True)
class EvaluateParts:
    """The context object of `evaluate_app` and `sweep_app`.

    `sample_library` parses and cuts the sample library; `cutter` cuts any documents.
    """

    sample_library: Callable[[], Dataset]
    cutter: Cutter | None = None
