"""Settings of ingestion."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from data_jobs.lane_settings import (
    ArchiveSettings,
    ImageSettings,
    OcrSettings,
    OfficeSettings,
    PdfSettings,
)
from data_jobs.parse.base import ParseLimits
from data_jobs.parse.options import ParseOptions
from data_jobs.speech.settings import SpeechSettings
from data_jobs.video.settings import VideoSettings
from data_jobs.vision.settings import VisionSettings
from data_jobs.web.settings import WebSettings
from publishing.events.settings import EventSettings
from retrieval.settings import Group, LibrarySettings

MIB = 2**20
GIB = 2**30
Workers = Annotated[int, Field(ge=1, le=1_024)]
Cpus = Annotated[float, Field(ge=0, le=256)]


class ChunkingSettings(Group):
    """How documents are cut into passages; tokens are those of the embedding model."""

    size: int = Field(
        200,
        ge=16,
        le=32_768,
        description="Tokens of text in one passage at most; less where the model reads less.",
    )
    overlap: int = Field(
        30,
        ge=0,
        le=8_192,
        description="Tokens that a passage repeats of the one before it; at most half of `size`.",
    )
    context: bool = Field(
        True,
        description="Put title and headings in front of the text that is embedded and indexed.",
    )
    context_tokens: int = Field(
        40, ge=4, le=1_024, description="Tokens of that header at most; it is cut at a word."
    )
    cue_seconds: float = Field(
        120.0, ge=1, le=86_400, description="Longest time that one passage of captions spans."
    )


class StageSettings(Group):
    """What Ray sets aside for each worker of a stage; small shares let stages share a core."""

    list_cpus: Cpus = Field(0.05, description="CPUs of the task that lists files.")
    fetch_cpus: Cpus = Field(0.05, description="CPUs of the worker that fetches pages.")
    read_cpus: Cpus = Field(0.05, description="CPUs of one worker that fingerprints files.")
    parse_cpus: Cpus = Field(0.1, description="CPUs of one worker that parses.")
    chunk_cpus: Cpus = Field(0.05, description="CPUs of one worker that cuts passages.")
    embed_cpus: Cpus = Field(0.2, description="CPUs of one worker that embeds.")
    embed_gpus: float = Field(0.0, ge=0, le=16, description="GPUs of one worker that embeds.")
    commit_cpus: Cpus = Field(0.1, description="CPUs of the worker that writes the corpus.")
    read_workers: Workers = Field(1, description="Workers that fingerprint files.")
    parse_workers: int = Field(
        0, ge=0, le=1_024, description="Workers that parse; 0: half of the cluster's cores."
    )
    slow_documents: Workers = Field(
        2,
        description="Slow documents, such as scans, that one such worker reads at once; a small "
        "job parses as many quick ones at once.",
    )
    chunk_workers: Workers = Field(1, description="Workers that cut passages.")
    embed_workers: Workers = Field(1, description="Workers that embed, each with its own model.")


class IngestSettings(Group):
    """Which files are read, how far parsing may go, and how the pipeline runs."""

    roots: list[Path] = Field(
        [], description="Folders from which HTTP callers may have `file:` sources read."
    )
    buckets: list[str] = Field(
        [],
        description="Places, `s3://bucket` or `s3://bucket/prefix`, from which HTTP callers "
        "may have `s3:` sources read.",
    )
    max_file_bytes: int = Field(
        512 * MIB, ge=1, le=64 * GIB, description="Largest file that is read."
    )
    max_expanded_bytes: int = Field(
        2 * GIB, ge=MIB, le=64 * GIB, description="Most that a zipped document may unpack to."
    )
    max_pages: int = Field(
        5_000, ge=1, le=1_000_000, description="Most pages, slides or sheets of one document."
    )
    max_characters: int = Field(
        50_000_000, ge=1_000, le=1_000_000_000, description="Most text of one document."
    )
    parse_seconds: float = Field(
        120.0, ge=0.1, le=86_400, description="Wall-clock time to parse one document."
    )
    slow_seconds: float = Field(
        3_600.0,
        ge=1,
        le=604_800,
        description="Wall-clock time to read one document that takes long: OCR, LibreOffice.",
    )
    parse_memory_bytes: int = Field(
        4 * GIB,
        ge=64 * MIB,
        le=1_024 * GIB,
        description="Memory that parsing one document may add.",
    )
    parse_process_documents: int = Field(
        1_000, ge=1, le=1_000_000, description="Documents after which a parser process is renewed."
    )
    attachment_depth: int = Field(
        2, ge=0, le=8, description="How deep attachments of attachments are followed."
    )
    bundle_documents: int = Field(
        64, ge=1, le=1_024, description="Documents that travel and are committed together at most."
    )
    optimize_commits: int = Field(
        100, ge=1, le=100_000, description="Commits after which the corpus is compacted on the way."
    )
    small_documents: int = Field(
        500,
        ge=0,
        le=100_000,
        description="Files up to which a job counts as small: it runs at once, in a process that "
        "is warm, where a larger one has Ray start workers for it; 0: no job is small.",
    )
    small_bytes: int = Field(
        128 * MIB, ge=0, le=64 * GIB, description="Bytes in all files of a small job at most."
    )
    small_jobs: int = Field(
        4,
        ge=1,
        le=256,
        description="Small jobs that one replica of `ingestor` runs at once; what comes "
        "meanwhile is given to Ray.",
    )
    ocr: OcrSettings = OcrSettings()
    images: ImageSettings = ImageSettings()
    office: OfficeSettings = OfficeSettings()
    archives: ArchiveSettings = ArchiveSettings()
    pdf: PdfSettings = PdfSettings()
    vision: VisionSettings = VisionSettings()
    stages: StageSettings = StageSettings()

    def parse_limits(self) -> ParseLimits:
        """Return the bounds of one document, which may take long."""
        return ParseLimits(
            seconds=self.slow_seconds,
            memory_bytes=self.parse_memory_bytes,
            max_file_bytes=self.max_file_bytes,
            max_expanded_bytes=self.max_expanded_bytes,
            max_pages=self.max_pages,
            max_characters=self.max_characters,
            options=self._options(),
        )

    def _options(self) -> ParseOptions:
        return ParseOptions(
            self.ocr.options(),
            self.images.options(self.vision.max_side if self.vision.url else 0),
            self.office.options(),
            self.archives.options(),
            self.pdf.options(),
        )


class JobSettings(LibrarySettings):
    """What `data_jobs` needs."""

    ingest: IngestSettings = IngestSettings()
    chunking: ChunkingSettings = ChunkingSettings()
    speech: SpeechSettings = SpeechSettings()
    video: VideoSettings = VideoSettings()
    web: WebSettings = WebSettings()
    events: EventSettings = EventSettings()

    @property
    def spool_dir(self) -> Path:
        """Folder of fetched pages, with one for each job."""
        return Path(self.web.spool or self.home / "spool").absolute()
