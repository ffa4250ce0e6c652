"""Our side of `pmoves bench ocr`, with the settings of the mesh."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cluster.settings import Settings


@contextmanager
def scan_lane() -> Iterator[Callable[[Sequence[Path]], int]]:
    """Yield what reads scanned files as ingestion does, and returns the pages that have text."""
    from data_jobs.monitor import LocalMonitor
    from data_jobs.sources import SourceFile, source_uri
    from data_jobs.stages.parsing import ParseStage
    from data_jobs.stages.work import Work, bundles, pack, unpack

    parse = ParseStage(Settings().ingest, LocalMonitor())

    def read(paths: Sequence[Path]) -> int:
        works = [Work(SourceFile(source_uri(p), p), "bench", p.name, slow=True) for p in paths]
        tables = [table for bundle in bundles(map(pack, works)) for table in parse(bundle)]
        documents = (packed.work().parsed for table in tables for packed in unpack(table))
        return sum(len({block.page for block in each.blocks}) for each in documents if each)

    try:
        yield read
    finally:
        parse.close()
