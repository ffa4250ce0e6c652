"""Which videos stand behind a source: itself, or those of a playlist or channel."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from data_jobs.errors import IngestError, SourceError
from data_jobs.patterns import PathFilter
from data_jobs.video.base import Wanted
from data_jobs.video.failures import Failure
from data_jobs.video.identity import collection_of, video_of
from data_jobs.video.providers import INSTALL, has_yt_dlp
from data_jobs.video.settings import VideoSettings
from data_jobs.video.ytdlp import YtDlp
from retrieval.fetching.settings import FetchSettings
from retrieval.video_options import VideoOptions

Pages = Callable[[str, PathFilter], Iterator[str | IngestError]]


class VideoLister:
    """Names the videos behind sources; what is no video is left to `others`."""

    def __init__(
        self,
        settings: VideoSettings,
        fetch: FetchSettings,
        options: VideoOptions,
        stopping: Callable[[], bool],
        others: Pages,
    ) -> None:
        self._settings = settings
        self._fetch = fetch
        self._options = options
        self._stopping = stopping
        self._others = others

    def pages(self, source: str, files: PathFilter) -> Iterator[str | IngestError]:
        """Yield the one URL of each video; raises `SourceError`."""
        video, collection = video_of(source, self._settings.sites), collection_of(source)
        if video is not None:
            yield video.url
        elif collection is not None:
            yield from self._collected(collection)
        else:
            yield from self._others(source, files)

    def _collected(self, url: str) -> Iterator[str]:
        if not has_yt_dlp():
            raise SourceError(f"{url}: playlists and channels need yt-dlp: {INSTALL}")
        wanted = Wanted((), options=self._options.model_dump(exclude_none=True))
        program = YtDlp(self._settings, self._fetch, self._stopping)
        with tempfile.TemporaryDirectory(prefix="pmoves-list-") as folder:
            try:
                found = program.videos(url, wanted, Path(folder))
            except Failure as failure:
                raise SourceError(f"{url} cannot be listed: {failure.reason}") from failure
        for each in found:
            video = video_of(each, self._settings.sites)
            if video is not None:
                yield video.url
