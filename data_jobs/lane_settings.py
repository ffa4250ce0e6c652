"""Settings of how formats are read: OCR, pictures, LibreOffice, archives, PDF."""

from pathlib import Path

from pydantic import Field

from data_jobs.parse.options import (
    ArchiveOptions,
    ImageOptions,
    OcrOptions,
    OfficeOptions,
    PdfOptions,
)
from retrieval.settings import Group

_LANGUAGES = r"^[A-Za-z0-9_]+(\+[A-Za-z0-9_]+)*$"


class OcrSettings(Group):
    """Reading of scans and pictures with Tesseract."""

    enabled: bool = Field(True, description="Read pages without usable text, and pictures.")
    languages: str = Field(
        "eng",
        pattern=_LANGUAGES,
        max_length=200,
        description="Languages of the text, joined by `+`, by Tesseract's names: `eng+deu`.",
    )
    dpi: int = Field(
        200, ge=50, le=600, description="Dots per inch at which pages of a PDF are drawn."
    )
    page_seconds: float = Field(
        60.0, ge=1, le=3_600, description="Wall-clock time to read one page."
    )
    workers: int = Field(
        0,
        ge=0,
        le=1_024,
        description="Pages that are read at once on one machine; 0: as many as it has cores.",
    )
    min_confidence: float = Field(
        30.0,
        ge=0,
        le=100,
        description="Paragraphs of which Tesseract is less sure are dropped, from 0 to 100.",
    )

    def options(self) -> OcrOptions:
        """Return them as the parsers take them."""
        return OcrOptions(**self.model_dump())


class ImageSettings(Group):
    """Pictures, alone or inside of other files."""

    max_pixels: int = Field(
        120_000_000, ge=1, le=10**10, description="Most pixels of a picture; checked undecoded."
    )
    max_side: int = Field(
        20_000, ge=1, le=10**6, description="Most pixels along one side of a picture."
    )
    gps: bool = Field(False, description="Keep the place where a photo was taken, as metadata.")
    safety: str = Field(
        "",
        max_length=200,
        description="Function that tags the content of pictures, as `module:name`; none if empty.",
    )
    embedded: bool = Field(
        False, description="Make pictures inside of Office files documents of their own."
    )

    def options(self, shown_side: int = 0) -> ImageOptions:
        """Return them as the parsers take them."""
        return ImageOptions(**self.model_dump(), shown_side=shown_side)


class OfficeSettings(Group):
    """Office files, as far as LibreOffice has to read them."""

    seconds: float = Field(
        120.0, ge=1, le=3_600, description="Wall-clock time of one conversion by LibreOffice."
    )
    as_pdf: bool = Field(
        False,
        description="Read all Office files by way of PDF, which gives hits their page numbers.",
    )
    previews: Path | None = Field(
        None, description="Folder in which the PDF files of `as_pdf` are kept; none if empty."
    )

    def options(self) -> OfficeOptions:
        """Return them as the parsers take them."""
        return OfficeOptions(self.seconds, self.as_pdf)


class ArchiveSettings(Group):
    """Archives, which are unpacked, and whose members become documents."""

    max_members: int = Field(
        10_000, ge=1, le=1_000_000, description="Most files inside of one file, however nested."
    )
    max_ratio: float = Field(
        200.0,
        ge=1,
        le=1_000_000,
        description="How many times its own size an archive over 64 MiB may unpack to.",
    )

    def options(self) -> ArchiveOptions:
        """Return them as the parsers take them."""
        return ArchiveOptions(self.max_members, self.max_ratio)


class PdfSettings(Group):
    """PDF files, by their text layer."""

    running_lines: bool = Field(
        False, description="Keep headers and footers on each page that repeats them."
    )

    def options(self) -> PdfOptions:
        """Return them as the parsers take them."""
        return PdfOptions(**self.model_dump())
