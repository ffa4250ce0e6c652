"""Mutants of the sample library: each becomes a document or an error, and nothing breaks.

`make fuzz` tries more: `FUZZ_MUTANTS`, from `FUZZ_SEED`.
"""

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from data_jobs.monitor import LocalMonitor
from data_jobs.settings import IngestSettings, JobSettings
from data_jobs.sources import SourceFile
from data_jobs.stages.chunking import ChunkStage
from data_jobs.stages.parsing import ParseStage
from data_jobs.stages.work import Work
from eval.library import library_files
from tests.data_jobs.mutants import mutant

COUNT = int(os.environ.get("FUZZ_MUTANTS", "500"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
# Whatever else ends a document is a fault of ours.
REASONS = {
    "EmptyDocumentError",
    "LimitExceededError",
    "NeedsOcrError",
    "ParserCrashedError",
    "UnreadableFileError",
    "UnsupportedTypeError",
}
LIMITS = IngestSettings(parse_seconds=30, parse_memory_bytes=2**30, max_expanded_bytes=2**28)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(0 if "FUZZ_MUTANTS" in os.environ else 600),
]


class Stages:
    """The two stages that read what strangers wrote."""

    def __init__(self) -> None:
        monitor = LocalMonitor()
        self.parse = ParseStage(LIMITS, monitor)
        self.chunk = ChunkStage(JobSettings(ingest=LIMITS), monitor)

    def run(self, path: Path) -> list[Work]:
        """Return the file at `path` and its attachments, cut or given up."""
        work = Work(file=SourceFile(path.as_uri(), path), namespace="fuzz", doc_id="mutant")
        parsed = list(self.parse.read(work))
        return [
            done
            for each in parsed
            for done in ([each] if each.outcome else self.chunk.guarded(each))
        ]


def test_every_mutant_becomes_a_document_or_an_error(tmp_path: Path) -> None:
    files = sorted(library_files().iterdir())
    stages, outcomes = Stages(), Counter[str]()
    try:
        for number in range(COUNT):
            chance = random.Random(f"{SEED}-{number}")
            file, other = files[number % len(files)], chance.choice(files)
            path = tmp_path / f"mutant{file.suffix}"
            path.write_bytes(mutant(file.read_bytes(), other.read_bytes(), chance))
            for done in stages.run(path):
                told = f"FUZZ_SEED={SEED}, number {number}, {file.name}: {done.error}"
                assert done.error is None or done.error.type in REASONS, told
                assert done.error is not None or done.chunks or done.attachments, told
                outcomes[done.error.type if done.error else "document"] += 1
    finally:
        stages.parse.close()
        print(dict(outcomes))
    # Mutants must be neither all hopeless nor all harmless.
    assert outcomes["document"] > COUNT / 10
    assert outcomes.total() - outcomes["document"] > COUNT / 10
