"""Transcribe: the words of recordings, and the passages of transcripts.

Words are recognised in a process that keeps the model.
"""

import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import pyarrow as pa

from data_jobs.errors import LimitExceededError, UnsupportedTypeError
from data_jobs.fingerprint import with_speech
from data_jobs.monitor import Monitor
from data_jobs.parse.base import Block, ParsedDocument, ParseLimits
from data_jobs.sandbox.sandbox import Sandbox
from data_jobs.settings import JobSettings
from data_jobs.speech.segmentation import segmented
from data_jobs.speech.transcription import with_chapters
from data_jobs.speech.utterance import Utterance
from data_jobs.speech.worker import CACHE, SETTINGS, TRANSCRIBE, threads_of
from data_jobs.stages.parsing import RECORDING_FOLDER
from data_jobs.stages.stage import Stage
from data_jobs.stages.work import Carried, Work, bundles, pack, unpack

# The address space of a GPU is mapped into that of the process.
_NO_LIMIT = 2**46


class TranscribeStage(Stage):
    """Recognises the words of documents that need it; all others pass by.

    Several threads may bring bundles: one is listened to at a time, and what holds no
    recording does not wait for it.
    """

    name = "transcribe"

    def __init__(self, settings: JobSettings, monitor: Monitor) -> None:
        super().__init__(monitor)
        self._settings = settings
        self._listening = threading.Lock()

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        """Take bundles of documents; yield those that pass by first."""
        recordings: list[Work] = []
        yield from bundles(self._passing(unpack(table), recordings))
        for work in recordings:
            yield from bundles(self._heard(work))
        self._monitor.flush()

    def documents(self, documents: Iterable[Carried]) -> Iterator[Carried]:
        """Take documents that come together; yield those that pass by first."""
        recordings: list[Work] = []
        yield from self._passing(documents, recordings)
        for work in recordings:
            yield from self._heard(work)

    def _passing(self, documents: Iterable[Carried], recordings: list[Work]) -> Iterator[Carried]:
        """Yield what need not be listened to, and put the rest into `recordings`."""
        for document in documents:
            work = None if document.settled else document.work()
            if work is not None and work.parsed is not None and work.parsed.needs_speech:
                recordings.append(work)
                continue
            if work is not None and work.video is not None:
                yield from map(pack, self.guarded(work))
            else:
                yield document
            self._monitor.add(self.name, 1)

    def close(self) -> None:
        """End the process."""
        self._sandbox.close()

    def process(self, work: Work) -> Iterator[Work]:
        """Recognise the words of one recording, or cut the captions of one video."""
        assert work.parsed is not None
        work.pipeline = with_speech(work.pipeline, self._settings.speech)
        cues = self._recognised(work) if work.parsed.needs_speech else work.parsed.blocks
        self._cut(work, work.parsed, cues)
        yield work

    def _recognised(self, work: Work) -> tuple[Block, ...]:
        """Return the words of a recording, and note what is told of their recognition."""
        assert work.parsed is not None
        if self._settings.speech.backend == "off":
            raise UnsupportedTypeError(
                "Speech recognition is off. Turn it on: PMOVES_SPEECH__BACKEND=faster-whisper"
            )
        limits = self._limits(work.parsed)
        _media_type, heard = self._sandbox.parse(
            work.file.path, limits, stopping=self._monitor.stopping
        )
        metadata = {**work.parsed.metadata, **heard.metadata}
        work.parsed = replace(work.parsed, metadata=metadata)
        return heard.blocks

    def _cut(self, work: Work, parsed: ParsedDocument, cues: Sequence[Block]) -> None:
        """Put chapters and cues together, and say where passages begin."""
        chapters = [block for block in parsed.blocks if block.kind == "heading"]
        if work.video is not None:
            facts = work.video.facts
            work.title = facts.title or work.title
            chapters = [
                Block(title, "heading", 1, t_start=start) for start, title in facts.chapters
            ] or chapters
        assert work.parsed is not None
        spoken = [block for block in cues if block.kind != "heading"]
        work.spoken = tuple(map(Utterance.of, spoken))
        work.parsed = replace(
            work.parsed,
            title=work.title,
            blocks=tuple(
                segmented(with_chapters(chapters, spoken), self._settings.speech.segmentation)
            ),
            needs_speech=False,
        )

    def _heard(self, work: Work) -> Iterator[Carried]:
        with self._listening:
            self._monitor.doing(f"listening to {work.name}")
            results = self.guarded(work)
            self._monitor.doing("")
        if work.file.path.parent.name.startswith(RECORDING_FOLDER):
            shutil.rmtree(work.file.path.parent, ignore_errors=True)
        self._monitor.add(self.name, 1)
        yield from map(pack, results)

    def _limits(self, parsed: ParsedDocument) -> ParseLimits:
        speech = self._settings.speech
        duration = float(str(parsed.metadata.get("duration", 0.0)))
        if duration > speech.max_duration_s:
            raise LimitExceededError(
                f"the recording is {duration:,.0f} s long; at most {speech.max_duration_s:,.0f} s "
                "are transcribed (PMOVES_SPEECH__MAX_DURATION_S)"
            )
        memory = speech.memory_bytes if speech.device == "cpu" or not speech.gpus else _NO_LIMIT
        return replace(
            self._settings.ingest.parse_limits(),
            seconds=speech.seconds_for(duration),
            memory_bytes=memory,
        )

    @cached_property
    def _sandbox(self) -> Sandbox:
        speech, ingest = self._settings.speech, self._settings.ingest
        threads = str(threads_of(speech))
        environment = {
            SETTINGS: speech.model_dump_json(),
            CACHE: str(self._settings.cache_dir),
            "OMP_NUM_THREADS": threads,
            "OMP_THREAD_LIMIT": threads,
            "OMP_WAIT_POLICY": "PASSIVE",
        }
        return Sandbox(
            ingest.parse_limits(),
            ingest.parse_process_documents,
            TRANSCRIBE,
            environment,
        )
