"""Which jobs are small."""

from pathlib import Path
from typing import Any

import pytest

from data_jobs.settings import IngestSettings
from data_jobs.small import is_small
from retrieval.job_request import JobRequest, Mirror, SourceItem
from retrieval.settings import S3Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five files of ten bytes."""
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("ten bytes\n")
    return tmp_path


def small(*sources: Path | str, settings: dict[str, int] | None = None, **request: Any) -> bool:
    """Ask with these settings."""
    items = [SourceItem(uri=str(source)) for source in sources]
    wanted = JobRequest(namespace="n", sources=items, **request)
    return is_small(wanted, IngestSettings.model_validate(settings or {}), S3Settings())


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ({}, True),
        ({"small_documents": 5}, True),
        ({"small_documents": 4}, False),
        ({"small_documents": 0}, False),
        ({"small_bytes": 50}, True),
        ({"small_bytes": 49}, False),
    ],
)
def test_files_and_their_bytes_count(folder: Path, settings: dict[str, int], answer: bool) -> None:
    assert small(folder, settings=settings) is answer


def test_files_that_are_left_out_do_not_count(folder: Path) -> None:
    assert small(folder, settings={"small_documents": 1}, include=["0.txt"])


@pytest.mark.parametrize(
    "request_fields", [{"retry_quarantined": True}, {"mirror": Mirror()}], ids=str
)
def test_what_may_be_any_number_is_not_small(folder: Path, request_fields: dict[str, Any]) -> None:
    assert not small(folder, **request_fields)


def test_what_takes_long_is_not_small(folder: Path) -> None:
    assert not small("https://example.com/")
    (folder / "talk.mp3").write_bytes(b"")
    assert not small(folder)


def test_what_is_not_there_ends_soon(tmp_path: Path) -> None:
    assert small(tmp_path / "nowhere")
