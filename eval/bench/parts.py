"""What benchmarks need from packages that `eval` may not import; the caller passes it in."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

IngestFolder = Callable[[Path], int]
"""Ingests every file of a folder, without embedding; returns the number of pages stored."""


@dataclass(frozen=True, slots=True)
class MeshAddress:
    """A running mesh on this machine and the corpus that it searches."""

    url: str
    corpus_uri: str


@dataclass(frozen=True, slots=True)
class BenchParts:
    """The context object of `bench_app`.

    `mesh` brings up a mesh of its own for the time of a benchmark.
    """

    ingest_folder: IngestFolder
    mesh: Callable[[], AbstractContextManager[MeshAddress]] | None = None
