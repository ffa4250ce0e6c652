"""Lanes are told from names; budgets count only what there is to do."""

import os
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data_jobs.lanes import chosen_documents, lane_of, looks_unchanged
from data_jobs.sources import SourceFile, source_uri
from data_jobs.stages.work import Work
from retrieval.chunk import Document
from retrieval.jobs import Budget, JobRequest, Lane

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def file(folder: Path, name: str, size: int = 10) -> SourceFile:
    path = folder / name
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW.timestamp() - 60,) * 2)
    return SourceFile(source_uri(path), path)


def works(*files: SourceFile) -> list[Work]:
    return [Work(each, "studio", each.uri) for each in files]


def row(each: SourceFile, size: int = 10) -> Document:
    return Document(
        "studio", each.uri, each.uri, "ready", size_bytes=size, created_at=NOW, updated_at=NOW
    )


def taken(files: list[SourceFile], known: dict[str, Document], **request: object) -> list[str]:
    wanted = JobRequest.model_validate({"namespace": "studio", "sources": [], **request})

    def ledger(keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        return {key: known[key[1]] for key in keys if key[1] in known}

    found = chosen_documents(works(*files), wanted, ledger)
    return [f"{work.file.path.name}{'-' if work.outcome else ''}" for work in found]


@pytest.mark.parametrize(
    ("name", "lane"),
    [
        ("a.pdf", "documents"),
        ("a", "documents"),
        ("A.JPG", "pictures"),
        ("a.b.mp3", "recordings"),
        ("a.eml", "mail"),
        ("a.tar.gz", "archives"),
    ],
)
def test_lanes_of_files(name: str, lane: Lane) -> None:
    assert lane_of(SourceFile(f"file:///{name}", Path(f"/{name}"))) == lane
    assert lane_of(SourceFile(f"https://a.example/{name}", Path())) == "web"
    assert lane_of(SourceFile("upload:x", Path("/tmp/1"), name=name)) == lane


def test_only_wanted_lanes_are_taken(tmp_path: Path) -> None:
    files = [file(tmp_path, name) for name in ("a.pdf", "b.png", "c.mp3")]
    assert taken(files, {}) == ["a.pdf", "b.png", "c.mp3"]
    assert taken(files, {}, lanes=["pictures", "recordings"]) == ["b.png", "c.mp3"]


def test_budgets_count_what_is_new_or_changed(tmp_path: Path) -> None:
    files = [file(tmp_path, f"{name}.png") for name in "abcd"] + [file(tmp_path, "e.pdf")]
    known = {files[0].uri: row(files[0]), files[1].uri: row(files[1], size=9)}
    budget = {"pictures": Budget(documents=2)}
    assert taken(files, known, budgets=budget) == ["a.png", "b.png", "c.png", "d.png-", "e.pdf"]
    budget = {"pictures": Budget(bytes=15)}
    assert taken(files, known, budgets=budget) == ["a.png", "b.png", "c.png-", "d.png-", "e.pdf"]


def test_what_looks_unchanged(tmp_path: Path) -> None:
    each = file(tmp_path, "a.pdf")
    assert looks_unchanged(each, row(each))
    assert not looks_unchanged(each, None)
    assert not looks_unchanged(each, row(each, size=11))
    os.utime(each.path, (NOW.timestamp() + 60,) * 2)
    assert not looks_unchanged(each, row(each))
    each.path.unlink()
    assert not looks_unchanged(each, row(each))
