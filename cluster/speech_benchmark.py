"""Both sides of `pmoves bench speech`, with the settings of the mesh."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from cluster.settings import Settings


def hear(paths: Sequence[Path]) -> Iterator[int]:
    """Recognise recordings as ingestion does; yield how many words each held."""
    from data_jobs.monitor import LocalMonitor
    from data_jobs.sources import SourceFile, source_uri
    from data_jobs.stages.parsing import ParseStage
    from data_jobs.stages.transcribing import TranscribeStage
    from data_jobs.stages.work import Work, bundles, pack, unpack

    settings, monitor = Settings(), LocalMonitor()
    parse, transcribe = ParseStage(settings.ingest, monitor), TranscribeStage(settings, monitor)
    try:
        for path in paths:
            work = Work(SourceFile(source_uri(path), path), "bench", path.name)
            for table in bundles(pack(each) for each in parse.read(work)):
                for heard in transcribe(table):
                    for packed in unpack(heard):
                        yield sum(len(each.text.split()) for each in packed.work().spoken)
    finally:
        parse.close()
        transcribe.close()


def hear_alone(paths: Sequence[Path]) -> Iterator[int]:
    """Recognise recordings by faster-whisper as its own page shows it; yield the words of each."""
    from faster_whisper import WhisperModel

    from data_jobs.speech.faster import compute_type
    from data_jobs.speech.models import weights_of
    from data_jobs.speech.worker import threads_of

    settings = Settings().speech
    with tempfile.TemporaryDirectory(prefix="pmoves-bench-") as cache:
        model = WhisperModel(
            weights_of(settings.model, Path(cache)).where,
            device=settings.device,
            compute_type=compute_type(settings),
            cpu_threads=threads_of(settings),
        )
        for path in paths:
            found, _info = model.transcribe(
                str(path), beam_size=settings.beam_size, vad_filter=True
            )
            yield sum(len(each.text.split()) for each in found)
