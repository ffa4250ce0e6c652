"""Documents travel in rows that Ray neither joins nor parts."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_jobs.errors import UnreadableFileError
from data_jobs.sources import SourceFile
from data_jobs.stages.work import Packed, Work, bundles, pack, unpack


def packed(number: int, size: int = 10) -> Packed:
    return Packed(number % 2 == 0, bytes([number % 256]) * size)


@given(st.lists(st.integers(0, 255), max_size=80), st.none() | st.integers(1, 20))
def test_nothing_is_lost_or_reordered(numbers: list[int], most: int | None) -> None:
    documents = [packed(number) for number in numbers]
    tables = list(bundles(documents, most))
    assert [document for table in tables for document in unpack(table)] == documents
    assert all(table.num_rows == 1 for table in tables)
    assert all(len(list(unpack(table))) <= (most or len(numbers)) for table in tables)


def test_the_first_bundles_are_small() -> None:
    sizes = [len(list(unpack(table))) for table in bundles(map(packed, range(30)), 8)]
    assert sizes == [1, 2, 4, 8, 8, 7]


def test_large_documents_travel_alone() -> None:
    tables = bundles([packed(number, 3_000_000) for number in range(4)])
    assert [len(list(unpack(table))) for table in tables] == [2, 2]


def test_finished_documents_do_not_wait_for_slow_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.1, 0.5, 3.0, 10.0, 10.1])
    timer = SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr("data_jobs.stages.work.time", timer)
    sizes = [len(list(unpack(table))) for table in bundles(map(packed, range(4)))]
    assert sizes == [3, 1]


def test_work_travels_with_undecodable_paths_and_errors() -> None:
    path = Path("/library/caf\udce9.txt")
    work = Work(SourceFile("file:///library/caf%E9.txt", path), "studio", "d")
    assert pack(work).packed().work() == work
    work.quarantine("parse", UnreadableFileError("broken \ud800\n  twice"))
    assert pack(work).settled
    assert pack(work).packed().settled
    assert work.error is not None
    assert work.error.message == "broken ? twice"
    work.quarantine("chunk", KeyError("x" * 5_000))
    assert work.error.message.startswith("unexpected KeyError: 'xxx")
    assert len(work.error.message) == 1_000
