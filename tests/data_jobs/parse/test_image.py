"""Pictures: sizes, what cameras write, and what becomes of them without Tesseract."""

from pathlib import Path

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from data_jobs.errors import IngestError, LimitExceededError, NeedsOcrError, UnreadableFileError
from data_jobs.parse.base import ParseLimits
from data_jobs.parse.exif import described, exif_metadata
from data_jobs.parse.image import _flat, _opened
from data_jobs.parse.options import ImageOptions, OcrOptions, ParseOptions
from data_jobs.parse.registry import parse_file
from data_jobs.parse.safety import UNCHECKED, safety_tags


def limits(**images: object) -> ParseLimits:
    return ParseLimits(options=ParseOptions(images=ImageOptions(**images)))  # type: ignore[arg-type]


@pytest.mark.usefixtures("no_programs")
def test_without_tesseract_a_picture_needs_ocr_and_the_advice_is_one_command(
    tmp_path: Path,
) -> None:
    Image.new("L", (40, 40)).save(tmp_path / "a.png")
    with pytest.raises(NeedsOcrError, match="Install Tesseract: apt-get install tesseract-ocr"):
        parse_file(tmp_path / "a.png")
    off = ParseLimits(options=ParseOptions(ocr=OcrOptions(enabled=False)))
    with pytest.raises(NeedsOcrError, match="PMOVES_INGEST__OCR__ENABLED=true"):
        parse_file(tmp_path / "a.png", off)


@pytest.mark.integration
def test_thirty_thousand_pixels_are_refused_before_any_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("1", (30_000, 30_000)).save(tmp_path / "a.png", compress_level=1)
    assert (tmp_path / "a.png").stat().st_size < 2_000_000
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(LimitExceededError, match=r"30000 × 30000 pixels.*MAX_PIXELS"):
        parse_file(tmp_path / "a.png")
    with pytest.raises(LimitExceededError, match="MAX_SIDE"):
        parse_file(tmp_path / "a.png", limits(max_pixels=10**10))


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp", "gif", "bmp"])
def test_damaged_pictures(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    Image.effect_noise((200, 200), 80).convert("RGB").save(path, kind)
    data = path.read_bytes()
    for cut in (20, len(data) // 2):
        path.write_bytes(data[:cut])
        with pytest.raises(IngestError):
            parse_file(path)


def test_what_only_begins_like_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"no picture" * 20)
    with pytest.raises(UnreadableFileError, match="damaged"):
        parse_file(path)


def photo(path: Path) -> Path:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "Canon EOS R5\x00"
    exif[0x010E] = "The mole at dawn"
    exif.get_ifd(0x8769)[0x9003] = "2026:05:01 06:30:00"
    gps = exif.get_ifd(0x8825)
    parts = [IFDRational(53), IFDRational(30), IFDRational(36)]
    gps[1], gps[2], gps[3], gps[4] = "N", parts, "W", parts
    Image.new("RGB", (64, 48), "navy").save(path, exif=exif)
    return path


def test_cameras_and_times_are_told_and_places_only_if_wanted(tmp_path: Path) -> None:
    with Image.open(photo(tmp_path / "a.jpg")) as image:
        told, placed = exif_metadata(image, gps=False), exif_metadata(image, gps=True)
    assert (told["camera"], told["created_at"]) == ("Canon EOS R5", "2026-05-01T06:30:00")
    assert told["description"] == "The mole at dawn"
    assert "latitude" not in told
    assert (placed["latitude"], placed["longitude"]) == (53.51, -53.51)
    assert described({**told, "width": 64, "height": 48}) == (
        "Picture without text, 64 × 48 pixels, taken 2026-05-01T06:30:00, with Canon EOS R5. "
        "The mole at dawn"
    )


def test_broken_exif_is_no_reason_to_give_a_picture_up(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.jpg", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")
    with _opened(tmp_path / "a.jpg", "image/jpeg") as image:
        assert not any(exif_metadata(image, gps=True).values())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_every_mode_becomes_grey_on_white(mode: str) -> None:
    flat = _flat(Image.new(mode, (4, 4)))
    assert flat.mode == "L"
    assert flat.size == (4, 4)
    # What is transparent shows the white below it.
    assert flat.getpixel((0, 0)) == (255 if mode in ("LA", "RGBA", "CMYK") else 0)


def tags_for_tests(image: Image.Image) -> list[str]:
    return [f"{image.width} wide"]


def test_safety_tags_come_from_a_function_of_yours() -> None:
    image = Image.new("L", (3, 3))
    assert safety_tags(image, "") == [UNCHECKED]
    assert safety_tags(image, f"{__name__}:tags_for_tests") == ["3 wide"]
    with pytest.raises(IngestError, match=r"IMAGES__SAFETY names 'no\.such:thing'"):
        safety_tags(image, "no.such:thing")
