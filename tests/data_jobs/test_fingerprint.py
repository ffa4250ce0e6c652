"""Which settings make a document be read again."""

from typing import Any

import pytest

from data_jobs.fingerprint import with_reading
from data_jobs.parse import media_types
from data_jobs.settings import IngestSettings

PLAIN = IngestSettings()
GERMAN = {"ocr": {"languages": "deu"}}
SCANNED = {"ocr_pages": 2}


@pytest.mark.parametrize(
    ("media_type", "metadata", "settings"),
    [
        (media_types.PDF, SCANNED, GERMAN),
        (media_types.PNG, {}, GERMAN),
        (media_types.ZIP, {}, GERMAN),
        (media_types.JPEG, {}, {"images": {"gps": True}}),
        (media_types.PDF, {}, {"pdf": {"running_lines": True}}),
        (media_types.DOCX, {}, {"office": {"as_pdf": True}}),
        (media_types.MAIL, {}, {"office": {"as_pdf": True}}),
    ],
)
def test_what_a_setting_changes_is_read_again(
    media_type: str, metadata: dict[str, Any], settings: dict[str, Any]
) -> None:
    changed = IngestSettings.model_validate(settings)
    assert with_reading("p", media_type, metadata, PLAIN) == "p"
    assert with_reading("p", media_type, metadata, changed) != "p"


@pytest.mark.parametrize(
    ("media_type", "settings"),
    [
        (media_types.PDF, GERMAN),
        (media_types.MARKDOWN, GERMAN | {"pdf": {"running_lines": True}}),
        (media_types.DOCX, {"pdf": {"running_lines": True}}),
        (media_types.PNG, {"ocr": {"page_seconds": 5, "workers": 3}}),
        (None, GERMAN),
    ],
)
def test_the_rest_is_not(media_type: str | None, settings: dict[str, Any]) -> None:
    changed = IngestSettings.model_validate(settings)
    assert with_reading("p", media_type, {}, changed) == "p"
