"""Every error that the evaluation raises on purpose."""

from pathlib import Path

from retrieval.errors import PmovesError


class EvaluationError(PmovesError):
    """An evaluation or benchmark cannot go on."""


class DatasetError(EvaluationError):
    """A dataset cannot be read; names the file and, where there is one, the line."""

    @classmethod
    def at(cls, file: Path, line: int, problem: str) -> "DatasetError":
        """Return the error for line `line`, from 1, of `file`."""
        return cls(f"{file}:{line}: {problem}")


class SearchSystemError(EvaluationError):
    """The system under evaluation refused a request or cannot be reached."""
