"""Videos: from the addresses of videos to files of captions or sound."""

import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from data_jobs.errors import VideoGoneError
from data_jobs.monitor import Monitor
from data_jobs.settings import JobSettings
from data_jobs.stages.reading import ReadStage
from data_jobs.stages.stage import Stage
from data_jobs.stages.together import together
from data_jobs.stages.work import Carried, Work, pack
from data_jobs.video.base import Video, VideoNotes, Wanted
from data_jobs.video.chain import Chain, Log
from data_jobs.video.identity import video_of
from data_jobs.video.providers import chain_of
from retrieval.video_options import VideoOptions


class VideoStage(Stage):
    """Fetches transcripts of videos into `folder`, several at a time; all else passes first.

    The ledger is the archive: a video that is there, and would come out the same, is
    not asked for again, nor is one that is gone.
    """

    name = "fetch"

    def __init__(
        self,
        settings: JobSettings,
        retry: bool,
        folder: Path,
        options: VideoOptions,
        monitor: Monitor,
    ) -> None:
        super().__init__(monitor)
        self._settings = settings
        self._retry = retry
        self._folder = folder
        self._options = options
        self._reader = ReadStage(settings, retry, monitor)

    @cached_property
    def _chain(self) -> Chain:
        return chain_of(self._settings.video, self._settings.fetch, self._monitor.stopping)

    @cached_property
    def _wanted(self) -> Wanted:
        own, options = self._settings.video, self._options
        automatic = options.writeautomaticsub
        return Wanted(
            tuple(options.subtitleslangs or own.languages),
            own.automatic_captions if automatic is None else automatic,
            options.model_dump(exclude_none=True),
        )

    def close(self) -> None:
        """Close the connections that are kept."""
        if "_chain" in self.__dict__:
            self._chain.close()

    def process(self, work: Work) -> Iterator[Work]:
        """Fetch the transcript of one video."""
        video = self._video(work)
        if video is not None:
            work.file = replace(work.file, name=video.video_id or work.file.name)
            work.video = VideoNotes(video.video_id)
            self._compare(work)
            if work.outcome is None:
                self._fetch(work, video)
        yield work

    def _fetch(self, work: Work, video: Video) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        log = Log()
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="video-") as name:
            try:
                found = self._chain.transcript(video, self._wanted, Path(name), log)
            finally:
                work.video = VideoNotes(video.video_id, None, log.facts, tuple(log.steps))
            path = self._folder / f"{uuid.uuid4().hex}{found.path.suffix}"
            shutil.move(found.path, path)
        facts = replace(found.facts, language=found.language or found.facts.language)
        work.video = VideoNotes(video.video_id, found.kind, facts, tuple(log.steps))
        work.file = replace(work.file, path=path)
        work.spooled = path

    def _compare(self, work: Work) -> None:
        """Settle the outcome of a video that would come out the same, or is gone."""
        known = work.known
        if known is None or work.file.force:
            return
        if known.status == "ready":
            work.content_hash, work.size_bytes = known.content_hash, known.size_bytes
            self._reader.judge(work)
        elif known.error and known.error.type == VideoGoneError.__name__ and not self._retry:
            work.outcome, work.error, work.recorded = "quarantined", known.error, True

    def _video(self, work: Work) -> Video | None:
        return video_of(work.file.uri, self._settings.video.sites)

    def documents(self, documents: Iterable[Carried]) -> Iterator[Carried]:
        """Take documents that come together; fetch several videos at once."""
        videos: list[Work] = []
        for document in documents:
            work = None if document.settled else document.work()
            if work is None or work.spooled or self._video(work) is None:
                yield document
            else:
                videos.append(work)
        yield from map(pack, self._several(videos))

    def _several(self, works: Sequence[Work]) -> Iterator[Work]:
        """Fetch several videos at once, and yield each as soon as it is there."""
        if not works:
            return
        known = self._reader.ledger({work.key for work in works})

        def fetched(work: Work, _number: int) -> Iterator[Work]:
            work.known = known.get(work.key)
            yield self.guarded(work)[0]

        for work in together(works, fetched, self._settings.video.at_once):
            self._monitor.add(self.name, 1)
            yield work
