"""What benchmarks need from packages that `eval` may not import; the caller passes it in."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import psutil

from eval.datasets.base import Dataset
from retrieval.settings import ElasticsearchSettings, Neo4jSettings

IngestFolder = Callable[[Path], int]
"""Ingests every file of a folder, without embedding; returns the number of pages stored."""

EmbedPassages = Callable[[Sequence[str]], Iterator[int]]
"""Embeds passages as ingestion does; yields how many each portion held, once it is done."""


HearRecordings = Callable[[Sequence[Path]], Iterator[int]]
"""Recognises recordings one after the other; yields how many words each held."""


ReadScans = Callable[[Sequence[Path]], int]
"""Reads scanned PDF files as ingestion does; returns how many of their pages have text."""

OpenLane = Callable[[], AbstractContextManager[ReadScans]]
"""Yields what reads scanned PDF files; what it starts for them ends with the block."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of the files of a folder, and how many passages they gave."""

    ready: int
    failed: int
    passages: int


IngestFiles = Callable[[Path, bool], Ingested]
"""Ingests every file of a folder into a corpus of its own; the flag says whether to embed."""


@dataclass(frozen=True, slots=True)
class ServedNoop:
    """An application that does nothing, behind HAProxy and Ray Serve.

    `cpu_seconds` tells the processor time so far of what serves it, by process.
    """

    url: str
    cpu_seconds: Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class MeshAddress:
    """A running mesh on this machine and the corpus that it searches.

    `processes` tells the mesh's processes, where it is known which these are.
    """

    url: str
    corpus_uri: str
    processes: Callable[[], Sequence[psutil.Process]] | None = None


@dataclass(frozen=True, slots=True)
class EngineAddresses:
    """An empty Elasticsearch and an empty Neo4j, and how they are reached."""

    elasticsearch: ElasticsearchSettings
    neo4j: Neo4jSettings


@dataclass(frozen=True, slots=True)
class BenchParts:
    """The context object of `bench_app`.

    `ingest_folder` ingests as a job of that size runs, `ingest_on_ray` always with its workers.
    `mesh` brings up a mesh of its own for the time of a benchmark, `noop` one that only
    serves an application which does nothing, `engines` starts remote engines.
    `sample_library` parses and cuts the sample library.
    """

    ingest_folder: IngestFolder | None = None
    ingest_on_ray: IngestFolder | None = None
    mesh: Callable[[], AbstractContextManager[MeshAddress]] | None = None
    noop: Callable[[], AbstractContextManager[ServedNoop]] | None = None
    embed: EmbedPassages | None = None
    ingest_files: IngestFiles | None = None
    sample_library: Callable[[], Dataset] | None = None
    hear: HearRecordings | None = None
    hear_alone: HearRecordings | None = None
    engines: Callable[[], AbstractContextManager[EngineAddresses]] | None = None
    read_scans: OpenLane | None = None
