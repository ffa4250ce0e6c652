"""Real scans through the real Tesseract: fidelity, order, and what takes too long."""

import shutil
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageOps

from data_jobs.errors import EmptyDocumentError, NeedsOcrError
from data_jobs.parse.base import ParsedDocument, ParseLimits
from data_jobs.parse.ocr.page import OcrPage, _page
from data_jobs.parse.ocr.skew import skew
from data_jobs.parse.ocr.tesseract import Word, advice
from data_jobs.parse.options import OcrOptions, ParseOptions
from data_jobs.parse.registry import parse_file
from tests.data_jobs.parse.pictures import PROSE, drawn, sign, write_pages, write_scans

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed"),
]


def text_of(document: ParsedDocument, page: int | None = None) -> str:
    found = [b.text for b in document.blocks if page in (None, b.page)]
    return " ".join(" ".join(found).split())


def fidelity(found: str, truth: str) -> float:
    """Return the share of characters of `truth` that stand in `found` in their order."""
    matcher = SequenceMatcher(None, truth, found, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / len(truth)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    """A page of prose at 200 dpi, cut to where its text stands."""
    path = write_pages(tmp_path_factory.mktemp("page") / "page.pdf", PROSE)
    return drawn(path)[0].crop((0, 100, 1_653, 900))


def test_text_layers_and_scans_keep_their_characters(tmp_path: Path, page: Image.Image) -> None:
    """99.5 % of a text layer, 97 % of a scan at 200 dpi; pages in one file stay apart."""
    truth = " ".join(PROSE)
    layer = parse_file(write_pages(tmp_path / "layer.pdf", PROSE))[1]
    assert fidelity(text_of(layer), truth) >= 0.995
    assert "ocr_pages" not in layer.metadata

    level = page.rotate(4, expand=True, fillcolor=255)
    path = write_scans(tmp_path / "scan.pdf", page, level, page.rotate(180))
    document = parse_file(path)[1]
    assert (document.pages, document.needs_ocr) == (3, ())
    for number in (1, 2, 3):
        assert fidelity(text_of(document, number), truth) >= 0.97, number
    assert document.metadata["ocr_pages"] == 3
    assert document.metadata["ocr_rotated_pages"] == 1
    assert float(str(document.metadata["ocr_confidence"])) > 80


def test_mixed_files_keep_their_text_pages_as_text(tmp_path: Path) -> None:
    from pypdfium2 import PdfDocument

    text = PdfDocument(write_pages(tmp_path / "text.pdf", ("Exactly: l1I|O0 rn m.",)))
    scan = PdfDocument(write_scans(tmp_path / "scan.pdf", sign("Wet paint")))
    text.import_pages(scan)
    text.save(tmp_path / "mixed.pdf")
    document = parse_file(tmp_path / "mixed.pdf")[1]
    assert [(b.text, b.page) for b in document.blocks] == [
        ("Exactly: l1I|O0 rn m.", 1),
        ("Wet paint", 2),
    ]
    assert document.metadata["ocr_pages"] == 1


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif", "heif"])
def test_pictures_of_every_format_are_read(tmp_path: Path, kind: str) -> None:
    from pillow_heif import register_heif_opener

    register_heif_opener()
    path = tmp_path / "a.txt"
    sign("No smoking").save(path, kind)
    media_type, document = parse_file(path)
    assert media_type == f"image/{'heic' if kind == 'heif' else kind}"
    assert text_of(document) == "No smoking"
    assert (document.metadata["width"], document.metadata["height"]) == (900, 150)
    assert len(str(document.metadata["perceptual_hash"])) == 16
    assert document.metadata["safety_tags"] == ["unchecked"]


def test_near_duplicates_have_the_same_hash_and_others_have_not(tmp_path: Path) -> None:
    image = sign("Fire exit", "to the left")
    image.save(tmp_path / "a.png")
    image.resize((450, 110)).save(tmp_path / "b.jpg", quality=60)
    sign("Harbour office").save(tmp_path / "c.png")
    hashes = [
        str(parse_file(tmp_path / name)[1].metadata["perceptual_hash"])
        for name in ("a.png", "b.jpg", "c.png")
    ]
    first, second, third = (int(found, 16) for found in hashes)
    assert (first ^ second).bit_count() <= 8 < (first ^ third).bit_count()


def test_each_page_of_a_tiff_and_the_first_frame_of_a_gif(tmp_path: Path) -> None:
    frames = [sign("First sheet"), sign("Second sheet")]
    for kind in ("tiff", "gif"):
        path = tmp_path / f"a.{kind}"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        document = parse_file(path)[1]
        told = [("First sheet", 1), ("Second sheet", 2)][: 2 if kind == "tiff" else 1]
        assert [(block.text, block.page) for block in document.blocks] == told
        assert document.pages == len(told)


def test_a_picture_without_text_is_found_by_what_its_file_tells(tmp_path: Path) -> None:
    Image.new("RGB", (320, 240), "teal").save(tmp_path / "a.jpg")
    assert text_of(parse_file(tmp_path / "a.jpg")[1]) == "Picture without text, 320 × 240 pixels"


def test_pages_that_take_too_long_are_named_and_cost_no_other(
    tmp_path: Path, page: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(image: Image.Image, options: OcrOptions) -> OcrPage:
        from data_jobs.parse.ocr.page import read_page

        seconds = 0.05 if image.height > image.width else 60.0
        from dataclasses import replace

        return read_page(image, replace(options, page_seconds=seconds))

    monkeypatch.setattr("data_jobs.parse.ocr.reader.read_page", read)
    path = write_scans(tmp_path / "a.pdf", page.rotate(90, expand=True), sign("Wet paint"))
    document = parse_file(path)[1]
    assert document.needs_ocr == (1,)
    assert text_of(document) == "Wet paint"
    write_scans(path, page.rotate(90, expand=True))
    with pytest.raises(NeedsOcrError, match="PAGE_SECONDS"):
        parse_file(path)


def test_blank_scans_hold_no_text(tmp_path: Path) -> None:
    path = write_scans(tmp_path / "a.pdf", Image.new("L", (600, 800), 250))
    with pytest.raises(EmptyDocumentError, match="no text"):
        parse_file(path)


def test_languages_that_are_not_installed_are_named_with_their_packages(tmp_path: Path) -> None:
    options = OcrOptions(languages="eng+chi_sim+xyz")
    assert advice(options) == (
        "Install the languages: apt-get install tesseract-ocr-chi-sim tesseract-ocr-xyz"
    )
    sign("Wet paint").save(tmp_path / "a.png")
    with pytest.raises(NeedsOcrError, match="tesseract-ocr-chi-sim"):
        parse_file(tmp_path / "a.png", ParseLimits(options=ParseOptions(ocr=options)))


@pytest.mark.parametrize("degrees", [-6.0, -2.5, 0.0, 3.0, 8.0])
def test_skew_is_measured_to_half_a_degree(page: Image.Image, degrees: float) -> None:
    turned = page.rotate(degrees, expand=True, fillcolor=255)
    assert abs(skew(turned) + degrees) <= 0.5


def test_skew_is_told_on_shaded_paper_and_of_white_letters(page: Image.Image) -> None:
    turned = page.rotate(3, expand=True, fillcolor=255)
    shade = Image.linear_gradient("L").rotate(90).resize(turned.size)
    assert abs(skew(ImageChops.multiply(turned, shade.point(lambda v: 130 + v // 2))) + 3) <= 0.5
    assert abs(skew(ImageOps.invert(turned)) + 3) <= 0.5
    assert skew(Image.new("L", (600, 800), 250)) == 0
    assert skew(Image.effect_noise((600, 800), 40)) == 0


def test_dust_and_doubtful_paragraphs_are_dropped() -> None:
    words = [
        Word(1, 1, 1, 95.0, "The micro-"),
        Word(1, 1, 2, 91.0, "phone"),
        Word(2, 1, 1, 12.0, "xqzw"),
        Word(3, 1, 1, 90.0, "—"),
        Word(4, 1, 1, 88.0, "42"),
    ]
    found = _page(words, OcrOptions())
    assert found.paragraphs == ("The microphone", "42")
    assert found.confidence > 85
