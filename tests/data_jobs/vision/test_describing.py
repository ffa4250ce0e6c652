"""Pictures described by a model behind OpenAI's protocol, through the stages of ingestion."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from pydantic import SecretStr, ValidationError

from data_jobs.parse.base import ParsedDocument
from data_jobs.vision.base import VisionError
from data_jobs.vision.describing import Describing
from data_jobs.vision.openai import OpenAiDescriber
from data_jobs.vision.settings import VisionSettings
from tests.data_jobs.production import Production
from tests.data_jobs.vision.endpoint import KEY, MODEL, Endpoint, chat, serve

LANTERN = "A brass lantern hangs over a wooden pier at dusk."


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serve() as found:
        yield found


def settings(endpoint: Endpoint, **given: object) -> VisionSettings:
    values = {"url": endpoint.url, "model": MODEL, "api_key": KEY, "seconds": 5, **given}
    return VisionSettings.model_validate(values)


def production(home: Path, endpoint: Endpoint, **given: object) -> Production:
    """Stages that describe pictures and read no words in them."""
    vision = settings(endpoint, **given).model_dump() | {"api_key": KEY}
    return Production(home, ingest={"vision": vision, "ocr": {"enabled": False}})


def picture(path: Path, size: tuple[int, int] = (3_000, 1_500), mode: str = "RGB") -> Path:
    Image.new(mode, size, 200).save(path)
    return path


def test_a_description_is_a_passage_of_its_own(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.says(LANTERN)
    made = production(tmp_path / "home", endpoint)
    path = picture(tmp_path / "a.png")
    assert made.run(path)["a.png"].outcome == "ready"
    assert LANTERN in made.texts()
    assert made.row(path.as_uri()).metadata["described_by"] == MODEL
    assert endpoint.shown == [(1_024, 512)]
    assert made.run(path)["a.png"].outcome == "skipped"


@pytest.mark.parametrize("name", ["a.gif", "a.tiff", "a.bmp", "a.webp"])
def test_other_formats_are_shown_as_jpeg(endpoint: Endpoint, tmp_path: Path, name: str) -> None:
    endpoint.says(LANTERN)
    made = production(tmp_path / "home", endpoint, max_side=64)
    made.run(picture(tmp_path / name, (100, 200), "L" if name == "a.gif" else "RGB"))
    assert LANTERN in made.texts()
    assert endpoint.shown == [(32, 64)]


def test_a_model_that_is_away_costs_no_picture_and_is_asked_again(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.answers = [(503, {}), (503, {})]
    made = production(tmp_path / "home", endpoint)
    path = picture(tmp_path / "a.png")
    assert made.run(path)["a.png"].outcome == "ready"
    assert "503" in str(made.row(path.as_uri()).metadata["not_described"])
    endpoint.says(LANTERN)
    assert made.run(path)["a.png"].outcome == "ready"
    assert LANTERN in made.texts()
    assert "not_described" not in made.row(path.as_uri()).metadata


def test_what_the_model_refuses_is_not_sent_again(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.answers = [(400, {"error": {"message": "content policy"}})]
    made = production(tmp_path / "home", endpoint)
    path = picture(tmp_path / "a.png")
    assert made.run(path)["a.png"].outcome == "ready"
    assert made.run(path)["a.png"].outcome == "skipped"
    assert endpoint.asked == 1


@pytest.mark.parametrize(
    ("answers", "given", "told", "lasting"),
    [
        ([(200, chat(None))], {}, "said nothing", True),
        ([(429, {}), (200, chat("Later."))], {}, "Later.", None),
        ([(500, {}), (200, chat("Mended."))], {}, "Mended.", None),
        ([(429, {}), (429, {})], {}, "too much to do", False),
        ([(200, {"choices": []})], {}, "said nothing", False),
        ([(200, b"<html>")], {}, "something else than JSON", False),
        ([(422, {})], {}, "answered 422", True),
        ([], {"api_key": "wrong"}, r"\(401\).*set PMOVES_INGEST__VISION__API_KEY", False),
        ([], {"model": "other"}, "answered 404", False),
        ([], {"url": "http://127.0.0.1:9/v1"}, "does not answer: ConnectError", False),
    ],
)
def test_answers_and_failures(
    endpoint: Endpoint,
    tmp_path: Path,
    answers: list[tuple[int, object]],
    given: dict[str, object],
    told: str,
    lasting: bool | None,
) -> None:
    endpoint.answers = answers
    shown = picture(tmp_path / "a.jpg", (10, 10)).read_bytes()
    describer = OpenAiDescriber(settings(endpoint, **given))
    try:
        if lasting is None:
            assert describer.describe(shown) == told
            return
        with pytest.raises(VisionError, match=told) as failed:
            describer.describe(shown)
        assert failed.value.lasting is lasting
        assert "wrong" not in str(failed.value)
        assert not endpoint.answers
    finally:
        describer.close()


def test_after_three_failures_the_model_is_left_alone(tmp_path: Path) -> None:
    class Away:
        name = MODEL
        asked = 0

        def describe(self, picture: bytes) -> str:
            self.asked += 1
            raise VisionError("away")

        def close(self) -> None:
            """Nothing is kept."""

    away = Away()
    describing = Describing(VisionSettings(), away)
    document = ParsedDocument(None, (), picture=str(picture(tmp_path / "a.jpg", (10, 10))))
    found = [describing.described(document, tmp_path).metadata for _ in range(5)]
    assert away.asked == 3
    assert found[2] == {"not_described": "away"}
    assert "several times" in str(found[4]["not_described"])


def test_without_an_address_nothing_is_asked(tmp_path: Path) -> None:
    document = ParsedDocument(None, (), picture=str(tmp_path / "a.jpg"))
    describing = Describing(VisionSettings(api_key=SecretStr(KEY)))
    assert describing.described(document, tmp_path) is document
    describing.close()
    with pytest.raises(ValidationError, match="url"):
        VisionSettings(url="ftp://x")
