import base64
import itertools
import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import lance
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.chunk import Document, DocumentStatus
from retrieval.corpus.ledger import INDEXES, Ledger
from retrieval.corpus.paging import Pager, Sample, Wanted
from retrieval.corpus.schema import DOCUMENTS
from retrieval.corpus.tables import create_indexes, create_table, open_table
from retrieval.corpus.upkeep import tidy
from retrieval.errors import InvalidInputError
from tests.retrieval.building import run_together
from tests.retrieval.strategies import documents, names

YEAR = datetime(2020, 1, 1, tzinfo=UTC)
_numbers = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every ledger of this module lies."""
    return tmp_path_factory.mktemp("ledgers")


def new_ledger(folder: Path, pager: Pager | None = None) -> Ledger:
    ledger = Ledger(str(folder / f"{next(_numbers)}.lance"), pager=pager)
    create_table(ledger.uri, DOCUMENTS.empty_table())
    return ledger


def read_all(ledger: Ledger, limit: int, **options: str | list[str] | None) -> list[Document]:
    found: list[Document] = []
    cursor: str | None = None
    while True:
        page = ledger.page(limit=limit, cursor=cursor, **options)  # type: ignore[arg-type]
        assert len(page.documents) <= limit
        found += page.documents
        assert page.documents or page.next_cursor is None
        assert len({(row.namespace, row.doc_id) for row in found}) == len(found)
        if (cursor := page.next_cursor) is None:
            return found


@pytest.mark.parametrize("large", [1, 10_000], ids=["by ranges", "by sorting"])
@given(st.lists(documents, max_size=12), st.integers(1, 5))
@settings(max_examples=10)
def test_pages_give_every_row_once_and_in_order(
    folder: Path, large: int, rows: list[Document], limit: int
) -> None:
    ledger = new_ledger(folder, Pager(large))
    ledger.record(rows)
    newest = {(row.namespace, row.doc_id): row for row in rows}
    expected = [newest[key] for key in sorted(newest)]
    alive = [row for row in expected if row.status != "deleted"]
    assert read_all(ledger, limit) == alive
    assert read_all(ledger, limit, status="deleted") == [
        row for row in expected if row.status == "deleted"
    ]
    if alive:
        one = alive[0]
        assert read_all(ledger, limit, namespaces=[one.namespace]) == [
            row for row in alive if row.namespace == one.namespace
        ]
        assert read_all(ledger, limit, source=one.source) == [
            row for row in alive if row.source == one.source
        ]
    assert read_all(ledger, limit, namespaces=[]) == []


@given(st.lists(st.tuples(names, names), min_size=1, max_size=6, unique=True))
@settings(max_examples=8)
def test_find_returns_the_known_rows_only(folder: Path, keys: list[tuple[str, str]]) -> None:
    ledger = new_ledger(folder)
    known = keys[: len(keys) // 2 + 1]
    ledger.record([Document(namespace, doc, "s", "ready") for namespace, doc in known])
    assert set(ledger.find(keys)) == set(known)


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """What ledgers read since the last call."""
    opened: list[lance.LanceDataset] = []

    def noted(*arguments: Any) -> lance.LanceDataset:
        opened.append(open_table(*arguments))
        return opened[-1]

    def count() -> int:
        found = sum(dataset.io_stats_incremental().read_bytes for dataset in opened)
        opened.clear()
        return int(found)

    monkeypatch.setattr("retrieval.corpus.ledger.open_table", noted)
    return count


@pytest.mark.parametrize("options", [{}, {"namespaces": ["a"]}, {"status": "ready"}])
def test_a_page_reads_its_own_rows_and_of_the_others_the_keys(
    folder: Path, bytes_read: Callable[[], int], options: dict[str, Any]
) -> None:
    ledger, dice, size = new_ledger(folder), random.Random(1), 10_000
    rows = [
        Document(name, f"d{at:03}", "s", "ready", metadata={"x": dice.randbytes(size // 2).hex()})
        for name in "ab"
        for at in range(200)
    ]
    ledger.record(rows)
    for cursor in (None, ledger.page(limit=150, **options).next_cursor):
        bytes_read()
        page = ledger.page(limit=5, cursor=cursor, **options)
        assert len(page.documents) == 5
        assert 5 * size < bytes_read() < 30 * size < len(rows) * size


STATUSES: tuple[DocumentStatus, ...] = ("ready", "ready", "deleted")
SPREAD = [
    Document(name, f"{at * 7919 % 4_096:03x}", "rare" if at % 500 == 0 else "s", status)
    for name, count in (("a", 3_000), ("b", 600), ("c", 40))
    for at, status in zip(range(count), itertools.cycle(STATUSES))
]


@pytest.fixture(scope="module", params=[(0.01, 0.01), (1, -1), (0.01, 1)])
def spread(folder: Path, request: pytest.FixtureRequest) -> Ledger:
    """Rows of namespaces of different sizes, looked through in ranges; its sample is of `a`.

    Unless few or all are found through the indexes.
    """
    ledger = new_ledger(folder, Pager(1_000, *request.param))
    create_indexes(ledger.uri, INDEXES)
    ledger.record(SPREAD[:3_000])
    assert len(ledger.page().documents) == 100
    ledger.record(SPREAD[3_000:])
    return ledger


@pytest.mark.parametrize("limit", [70, 2_999])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"status": "deleted"},
        {"namespaces": ["c", "a"]},
        {"namespaces": ["b"], "status": "ready"},
        {"namespaces": ["nobody"]},
        {"source": "rare"},
        {"namespaces": ["c"], "source": "rare"},
    ],
    ids=str,
)
def test_pages_by_ranges_are_those_of_all_keys_sorted(
    spread: Ledger, options: dict[str, Any], limit: int
) -> None:
    names, status = options.get("namespaces", "abc"), options.get("status")
    expected = [
        (row.namespace, row.doc_id)
        for row in sorted(SPREAD, key=lambda row: (row.namespace, row.doc_id))
        if row.namespace in names
        and (row.status == status if status else row.status != "deleted")
        and row.source == options.get("source", row.source)
    ]
    found = read_all(spread, limit, **options)
    assert [(row.namespace, row.doc_id) for row in found] == expected


def test_what_has_become_frequent_is_not_taken_for_rare_twice(folder: Path) -> None:
    ledger = new_ledger(folder, pager := Pager(1_000))
    create_indexes(ledger.uri, INDEXES)
    rows = [Document("a", f"{at:04}", "s", "queued") for at in range(2_000)]
    ledger.record(rows)
    assert ledger.page(status="ready").documents == []
    ledger.record([replace(row, status="ready") for row in rows])
    wanted, dataset = Wanted(None, "status = 'ready'", status="ready"), open_table(ledger.uri)
    assert pager._sample.share(wanted) == 0
    assert [row.key[1] for row in pager.first(dataset, wanted, 2)] == ["0000", "0001"]
    assert [row.key[1] for row in pager.first(dataset, wanted, 2)] == ["0000", "0001"]
    assert pager._sample.share(wanted) == 1


def test_indexes_that_upkeep_alone_follows_miss_nothing_before_it(folder: Path) -> None:
    ledger = new_ledger(folder, Pager(1, rarest=1))
    create_indexes(ledger.uri, INDEXES)
    rows = [Document("a", f"{at:02}", "s", "ready") for at in range(20)]
    ledger.record(rows)
    unindexed = {"namespace_idx": 20, "status_idx": 20, "doc_id_idx": 0}
    assert left_out(ledger) == unindexed
    ledger.record([replace(rows[3], status="quarantined")])
    assert [row.doc_id for row in ledger.page(status="quarantined").documents] == ["03"]
    assert len(ledger.page(["a"], status="ready").documents) == 19
    tidy(ledger.uri)
    assert left_out(ledger) == dict.fromkeys(unindexed, 0)
    assert [row.doc_id for row in ledger.page(status="quarantined").documents] == ["03"]


def left_out(ledger: Ledger) -> dict[str, int]:
    dataset = open_table(ledger.uri)
    return {
        name: dataset.stats.index_stats(name)["num_unindexed_rows"]
        for name in ("namespace_idx", "status_idx", "doc_id_idx")
    }


def test_a_range_is_about_as_wide_as_a_page(spread: Ledger) -> None:
    dataset = open_table(spread.uri)
    sample = Sample.of(dataset, dataset.count_rows())
    first, second, *_ = sample.ranges(("a", "400"), 150, 1)
    rows = [
        dataset.count_rows(filter=f"namespace = 'a' AND doc_id > {low} AND doc_id <= '{high}'")
        for low, high in (("'400'", first), (f"'{first}'", second))
    ]
    assert 100 < rows[0] < 900
    assert rows[1] > 600
    assert list(sample.ranges(("a", "fff"), 150, 1)) == [None]
    assert not list(sample.ranges(("a", "400"), 150, 0.01))
    assert sample.fits(len(SPREAD))
    assert not sample.fits(2 * len(SPREAD))


@given(st.lists(st.sampled_from(["write", "delete", "page"]), max_size=12), st.integers(1, 7))
@settings(max_examples=10)
def test_pages_under_writes_give_what_stays_once_and_in_order(
    folder: Path, steps: list[str], limit: int
) -> None:
    ledger, dice = new_ledger(folder, Pager(large=1)), random.Random(1)
    staying = [Document(name, f"{at:02}", "s", "ready") for name in "ab" for at in range(0, 30, 3)]
    ledger.record(staying)
    found: list[Document] = []
    cursor: str | None = None
    for step in [*steps, *["page"] * 2 * len(staying)]:
        passing = Document(
            dice.choice("abc"), f"{dice.randrange(30) // 3 * 3 + 1:02}", "s", "ready"
        )
        if step == "page":
            page = ledger.page(limit=limit, cursor=cursor)
            found += page.documents
            if (cursor := page.next_cursor) is None:
                break
        else:
            ledger.record([passing if step == "write" else replace(passing, status="deleted")])
    keys = [(row.namespace, row.doc_id) for row in found]
    assert keys == sorted(set(keys))
    assert {(row.namespace, row.doc_id) for row in staying} <= set(keys)


def test_find_takes_more_keys_than_one_predicate_holds(folder: Path) -> None:
    ledger = new_ledger(folder)
    rows = [Document("ns", f"d{at:04}", "s", "ready") for at in range(1_203)]
    ledger.record(rows)
    found = ledger.find([("ns", row.doc_id) for row in rows] + [("ns", "unknown")])
    assert sorted(found) == [("ns", row.doc_id) for row in rows]


def test_created_at_stays_and_the_rest_follows(folder: Path) -> None:
    ledger = new_ledger(folder)
    first = Document("ns", "d", "s", "queued", created_at=YEAR)
    ledger.record([first])
    later = Document("ns", "d", "s2", "ready", chunks=7)
    ledger.record([later])
    assert ledger.find([("ns", "d")]) == {("ns", "d"): replace(later, created_at=YEAR)}


def test_the_last_row_of_one_call_wins(folder: Path) -> None:
    ledger = new_ledger(folder)
    rows = [Document("ns", "d", "s", "queued"), Document("ns", "d", "s", "ready")]
    ledger.record(rows)
    assert ledger.page().documents == [rows[1]]


def test_nothing_to_record_writes_no_version(folder: Path) -> None:
    ledger = new_ledger(folder)
    ledger.record([])
    assert ledger.page().documents == []
    assert ledger.counts() == {}


def test_counts_leave_deleted_documents_out(folder: Path) -> None:
    ledger = new_ledger(folder)
    ledger.record(
        [
            Document("a", "1", "s", "ready"),
            Document("a", "2", "s", "quarantined"),
            Document("a", "3", "s", "deleted"),
            Document("b", "1", "s", "deleted"),
        ]
    )
    assert ledger.counts() == {"a": 2}


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "!!!!",
        encoded("text"),
        encoded(["one"]),
        encoded([1, 2]),
        encoded(["a", None]),
        encoded(["a", "\ud800"]),
        encoded({"a": 1, "b": 2, "c": 3}),
        base64.urlsafe_b64encode(b"[" * 50_000).decode(),
        base64.urlsafe_b64encode(b"\xff\xff").decode(),
    ],
)
def test_a_made_up_cursor_is_refused(folder: Path, cursor: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor: not one that was handed out"):
        new_ledger(folder).page(cursor=cursor)


def test_writers_at_the_same_time_leave_one_row_per_document(folder: Path) -> None:
    ledger, barrier = new_ledger(folder), Barrier(4, timeout=60)

    def record(attempts: int) -> None:
        barrier.wait()
        Ledger(ledger.uri).record(
            [Document("ns", f"d{at}", "s", "ready", attempts=attempts) for at in range(3)]
        )

    run_together([partial(record, at) for at in range(4)])
    assert [row.doc_id for row in ledger.page().documents] == ["d0", "d1", "d2"]
