"""Pictures through OCR, with what their files tell of them."""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from data_jobs.errors import LimitExceededError, NeedsOcrError, UnreadableFileError
from data_jobs.parse import media_types
from data_jobs.parse.base import MetadataValue, ParsedDocument, ParseLimits
from data_jobs.parse.builder import DocumentBuilder
from data_jobs.parse.exif import described, exif_metadata
from data_jobs.parse.ocr.reader import read_pages
from data_jobs.parse.ocr.tesseract import advice, is_available
from data_jobs.parse.options import ImageOptions
from data_jobs.parse.pdf_scans import ocr_metadata
from data_jobs.parse.programs import kept_folder
from data_jobs.parse.safety import safety_tags

if TYPE_CHECKING:
    from PIL import Image

_HEIF = frozenset({media_types.HEIC, media_types.AVIF})


class ImageParser:
    """Page by page what stands in a picture; of one without text, what its file tells."""

    name = "image"
    media_types = media_types.IMAGES

    def parse(self, path: Path, media_type: str, limits: ParseLimits) -> ParsedDocument:
        """Read a picture; the first frame of a GIF, all pages of a TIFF.

        Raises `LimitExceededError` for too many pixels before any is decoded, and
        `NeedsOcrError` where Tesseract is missing.
        """
        builder = DocumentBuilder(limits)
        with _opened(path, media_type) as image:
            check_size(image.size, limits.options.images)
            shown = limits.options.images.shown_side
            legible = is_available(limits.options.ocr)
            if not legible and not shown:
                raise NeedsOcrError(f"Pictures need OCR. {advice(limits.options.ocr)}")
            pages = builder.check_pages(_pages(image, media_type))
            metadata = {**_told(image, limits), "pages_in_file": pages if pages > 1 else None}
            read = dict(read_pages(_frames(image, pages, limits), limits)) if legible else {}
            picture = _shown(image, shown, limits) if shown else None
        found = {number: page for number, page in read.items() if page is not None}
        for number, page in sorted(found.items()):
            for text in page.paragraphs:
                builder.add(text, page=number)
        if not builder.blocks:
            builder.add(described(metadata), page=1)
        document = builder.build(
            pages=pages,
            metadata={**metadata, **ocr_metadata(list(found.values()))},
            needs_ocr=sorted(read.keys() - found.keys()),
        )
        return replace(document, picture=picture)


def check_size(size: tuple[int, int], options: ImageOptions) -> None:
    """Raise `LimitExceededError` for a picture that is too large to be decoded."""
    width, height = size
    if width * height > options.max_pixels or max(size) > options.max_side:
        raise LimitExceededError(
            f"The picture has {width} × {height} pixels; the limits are "
            f"{options.max_pixels:,} in all and {options.max_side:,} along a side "
            "(PMOVES_INGEST__IMAGES__MAX_PIXELS, PMOVES_INGEST__IMAGES__MAX_SIDE)."
        )


@contextlib.contextmanager
def _opened(path: Path, media_type: str) -> "Iterator[Image.Image]":
    """Open a picture without decoding it; Pillow's own bound on pixels gives way to ours."""
    from PIL import Image

    if media_type in _HEIF:
        from pillow_heif import register_heif_opener

        register_heif_opener(thumbnails=False)
    Image.MAX_IMAGE_PIXELS = None
    with warnings.catch_warnings():
        # Odd tags in a file do not concern whoever reads it.
        warnings.simplefilter("ignore")
        try:
            image = Image.open(path)
        except (OSError, SyntaxError, ValueError) as error:
            raise UnreadableFileError("The picture is damaged, or not a picture.") from error
        with image:
            yield image


def _pages(image: "Image.Image", media_type: str) -> int:
    return int(getattr(image, "n_frames", 1)) if media_type == media_types.TIFF else 1


def _frames(
    image: "Image.Image", pages: int, limits: ParseLimits
) -> "Iterator[tuple[int, Image.Image]]":
    """Yield the pages, decoded and upright, on white where they are transparent."""
    for number in range(1, pages + 1):
        image.seek(number - 1)
        check_size(image.size, limits.options.images)
        yield number, _flat(image)


def _flat(image: "Image.Image") -> "Image.Image":
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image) or image
    if "transparency" in upright.info or upright.mode in ("RGBA", "LA", "PA"):
        upright = upright.convert("RGBA")
        white = Image.new("RGBA", upright.size, "white")
        return Image.alpha_composite(white, upright).convert("L")
    if upright.mode.startswith("I"):
        # Sixteen bits of grey: Pillow would cut them off instead of scaling them.
        return upright.convert("I").point(lambda value: value / 256).convert("L")
    return upright.convert("L")


def _shown(image: "Image.Image", side: int, limits: ParseLimits) -> str:
    """Write the first page as a small JPEG, for those who cannot read every format."""
    from PIL import ImageOps

    image.seek(0)
    small = ImageOps.exif_transpose(image) or image
    small = small.convert("RGB") if small.mode != "L" else small
    small.thumbnail((side, side))
    path = kept_folder(limits) / "picture.jpg"
    small.save(path, "JPEG", quality=85)
    return str(path)


def _told(image: "Image.Image", limits: ParseLimits) -> dict[str, MetadataValue | None]:
    from imagehash import phash

    options = limits.options.images
    metadata: dict[str, MetadataValue | None] = {
        "width": image.width,
        "height": image.height,
        **exif_metadata(image, gps=options.gps),
    }
    flat = _flat(image)
    metadata["perceptual_hash"] = str(phash(flat))
    metadata["safety_tags"] = safety_tags(image, options.safety)
    return metadata
