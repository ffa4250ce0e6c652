"""What one run of the pipeline does, wherever its stages run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_jobs.settings import JobSettings
from data_jobs.sources import Selection
from data_jobs.stages.embedding import LoadEmbedder
from data_jobs.web.urls import is_web
from retrieval.job_request import JobRequest, SourceItem


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run of the pipeline does.

    `again` are sources to take up even if they have not changed; `confined` keeps them
    to the folders and buckets of the settings. `spool` is the folder for pages on their way.
    """

    request: JobRequest
    settings: JobSettings
    load_embedder: LoadEmbedder
    again: Sequence[SourceItem] = ()
    confined: bool = False
    spool: Path = Path("spool")

    def bounds(self) -> Selection:
        """Return where its sources may lie."""
        ingest = self.settings.ingest
        return Selection(
            roots=ingest.roots if self.confined else None,
            objects=self.settings.s3,
            buckets=ingest.buckets if self.confined else None,
        )

    @property
    def from_the_web(self) -> bool:
        """Whether any of it has to be fetched."""
        return any(is_web(item.uri) for item in (*self.request.sources, *self.again))
