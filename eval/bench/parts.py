"""What benchmarks need from packages that `eval` may not import; the caller passes it in."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

IngestFolder = Callable[[Path], int]
"""Ingests every file of a folder, without embedding; returns the number of pages stored."""

EmbedPassages = Callable[[Sequence[str]], Iterator[int]]
"""Embeds passages as ingestion does; yields how many each portion held, once it is done."""


@dataclass(frozen=True, slots=True)
class ServedNoop:
    """An application that does nothing, behind HAProxy and Ray Serve.

    `cpu_seconds` tells the processor time so far of what serves it, by process.
    """

    url: str
    cpu_seconds: Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class MeshAddress:
    """A running mesh on this machine and the corpus that it searches."""

    url: str
    corpus_uri: str


@dataclass(frozen=True, slots=True)
class BenchParts:
    """The context object of `bench_app`.

    `mesh` brings up a mesh of its own for the time of a benchmark, `noop` one that only
    serves an application which does nothing.
    """

    ingest_folder: IngestFolder | None = None
    mesh: Callable[[], AbstractContextManager[MeshAddress]] | None = None
    noop: Callable[[], AbstractContextManager[ServedNoop]] | None = None
    embed: EmbedPassages | None = None
