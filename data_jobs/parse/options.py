"""How the slow formats are read: what a person chooses, as against the bounds of `ParseLimits`.

Instances travel to the parser process, which can build no other classes.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OcrOptions:
    """Reading of pictures of text.

    `languages` are names that Tesseract knows, joined by ``+``. `dpi` is the
    resolution at which pages are drawn. `workers` pages are read at once on this
    machine, 0 stands for its cores. Text below `min_confidence` (0 to 100) is dropped.
    """

    enabled: bool = True
    languages: str = "eng"
    dpi: int = 200
    page_seconds: float = 60.0
    workers: int = 0
    min_confidence: float = 30.0


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """Pictures: how large they may be in pixels, and what is told of them.

    `gps` keeps the place where a photo was taken. `safety` names a function as
    ``module:name``; see `data_jobs.parse.safety`. With `embedded`, pictures inside
    Office files become documents of their own. `shown_side`, unless 0, has a JPEG made of
    each picture, no larger than that along a side.
    """

    max_pixels: int = 120_000_000
    max_side: int = 20_000
    gps: bool = False
    safety: str = ""
    embedded: bool = False
    shown_side: int = 0


@dataclass(frozen=True, slots=True)
class OfficeOptions:
    """LibreOffice: how long one conversion may take, and whether all goes through PDF."""

    seconds: float = 120.0
    as_pdf: bool = False


@dataclass(frozen=True, slots=True)
class ArchiveOptions:
    """Archives: most members of one, and how many times its size it may unpack to."""

    max_members: int = 10_000
    max_ratio: float = 200.0


@dataclass(frozen=True, slots=True)
class PdfOptions:
    """PDF: whether headers and footers stay on each page that repeats them."""

    running_lines: bool = False


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """All of it."""

    ocr: OcrOptions = field(default_factory=OcrOptions)
    images: ImageOptions = field(default_factory=ImageOptions)
    office: OfficeOptions = field(default_factory=OfficeOptions)
    archives: ArchiveOptions = field(default_factory=ArchiveOptions)
    pdf: PdfOptions = field(default_factory=PdfOptions)
