"""Collections by the names that the command line takes."""

from pathlib import Path

from eval.datasets.base import Dataset
from eval.errors import EvaluationError
from eval.parts import EvaluateParts

SAMPLE = "library"


def named_collection(source: str, parts: object) -> Dataset:
    """Return the collection at `source`; `library` is the sample library of `parts`.

    A folder of that name goes first. Raises `EvaluationError` where there is none.
    """
    if source != SAMPLE or Path(source).exists():
        # Readers of all layouts, which a gateway needs once a gate is run.
        from eval.datasets.load import load_dataset

        return load_dataset(source)
    if not isinstance(parts, EvaluateParts):
        raise EvaluationError("there is no sample library; run this as `pmoves evaluate library`")
    return parts.sample_library()
