"""Our side of `pmoves bench ocr`, with the settings of the mesh."""

from collections.abc import Sequence
from pathlib import Path

from cluster.settings import Settings


def read_scans(paths: Sequence[Path]) -> int:
    """Read scanned files as ingestion does, several at once; return the pages that have text."""
    from data_jobs.monitor import LocalMonitor
    from data_jobs.sources import SourceFile, source_uri
    from data_jobs.stages.parsing import ParseStage
    from data_jobs.stages.work import Work, bundles, pack, unpack

    parse = ParseStage(Settings().ingest, LocalMonitor())
    works = [Work(SourceFile(source_uri(p), p), "bench", p.name, slow=True) for p in paths]
    try:
        read = [table for bundle in bundles(map(pack, works)) for table in parse(bundle)]
    finally:
        parse.close()
    documents = (packed.work().parsed for table in read for packed in unpack(table))
    return sum(len({block.page for block in each.blocks}) for each in documents if each)
