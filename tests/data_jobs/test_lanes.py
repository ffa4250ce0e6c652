"""What takes long waits, nothing of it gets lost, and nothing quick waits for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from data_jobs.aside import Aside
from data_jobs.errors import JobError
from data_jobs.monitor import LOOKED_AT, LocalMonitor
from data_jobs.sources import Selection
from data_jobs.stages.listing import ListStage
from data_jobs.stages.together import together
from data_jobs.stages.work import unpack
from retrieval.jobs import JobRequest, SourceItem
from tests.data_jobs.production import Production

OBEY = "tests.data_jobs.hostile_parsers:obey"


@pytest.fixture
def production(tmp_path: Path) -> Production:
    return Production(tmp_path / "home", OBEY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def test_a_thousand_scans_do_not_delay_ten_notes() -> None:
    """By order alone: all scans are listed first, all notes are let through first."""
    monitor, looked, order = LocalMonitor(), list[str](), list[str]()
    names = [f"scan{number}" for number in range(1_000)] + [f"note{n}" for n in range(10)]
    monitor.add("list", len(names))
    for name in names:
        monitor.add(LOOKED_AT, 1)
        kept = name.startswith("scan") and monitor.set_aside(name.encode())
        (looked if kept else order).append(name)
    while (found := monitor.aside(len(order) - 10)) is not None:
        order += [data.decode() for data in found]
    assert order == [*names[1_000:], *names[:1_000]] == [*order[:10], *looked]


def test_slow_documents_come_after_all_others(production: Production, folder: Path) -> None:
    for number in range(6):
        (folder / f"a{number}.txt").write_text(f"slow say scan {number}")
    (folder / "b.txt").write_text("say note")
    found = production.run(folder)
    assert {each.outcome for name, each in found.items() if "#" not in name} == {"ready"}
    assert next(iter(found)).startswith("b.txt")
    assert production.monitor.tally.counts["parse"] == 7
    assert sum("scan" in text for text in production.texts()) == 6


def test_a_family_waits_as_a_whole_and_is_read_once(production: Production, folder: Path) -> None:
    (folder / "letter.txt").write_text("attach say+one/slow+say+two/say+three")
    found = production.run(folder)
    assert [found[f"letter.txt#attachment={n}.txt"].outcome for n in range(3)] == ["ready"] * 3
    assert {"one", "two", "three"} <= {line for t in production.texts() for line in t.split("\n")}
    assert production.row((folder / "letter.txt").as_uri()).attempts == 1


def test_a_slow_document_that_dies_costs_itself(production: Production, folder: Path) -> None:
    for name in ("segfault", "fail broken", "exit 3", "say fine"):
        (folder / f"{name.replace(' ', '-')}.txt").write_text(f"slow {name}")
    found = production.run(folder)
    assert {name: each.type for name, each in found.items() if "#" not in name} == {
        "segfault.txt": "ParserCrashedError",
        "fail-broken.txt": "UnreadableFileError",
        "exit-3.txt": "ParserCrashedError",
        "say-fine.txt": None,
    }


def test_quick_documents_keep_their_short_limit_in_a_slow_family(
    tmp_path: Path, folder: Path
) -> None:
    production = Production(tmp_path / "home", OBEY, ingest={"parse_seconds": 3})
    (folder / "a.txt").write_text("attach sleep/slow+say+two")
    found = production.run(folder)
    assert found["a.txt#attachment=0.txt"].type == "LimitExceededError"
    assert found["a.txt#attachment=1.txt"].outcome == "ready"


@pytest.mark.parametrize("stolen", ["/etc/passwd", "link"])
def test_a_parser_cannot_hand_out_files_of_others(
    production: Production, folder: Path, stolen: str
) -> None:
    if stolen == "link":
        (folder.parent / "link").symlink_to("/etc/passwd")
        stolen = str(folder.parent / "link")
    (folder / "a.txt").write_text(f"steal {stolen}")
    found = production.run(folder)
    assert [each.type for each in found.values()] == ["ParserCrashedError"]


def test_a_family_has_bounds_of_its_own(tmp_path: Path, folder: Path) -> None:
    production = Production(tmp_path / "home", OBEY, ingest={"archives": {"max_members": 2}})
    (folder / "a.txt").write_text("attach say+one/say+two/say+three")
    found = production.run(folder)
    kinds = [found[f"a.txt#attachment={n}.txt"].type for n in range(3)]
    assert kinds == [None, "LimitExceededError", "LimitExceededError"]


def test_what_comes_too_late_is_refused() -> None:
    aside = Aside()
    assert aside.put(b"first")
    assert aside.take(0, listed=2, looked_at=1) == [b"first"]
    assert aside.take(1, listed=2, looked_at=1) == []
    assert aside.put(b"second")
    assert aside.take(1, listed=2, looked_at=2) == [b"second"]
    assert aside.take(2, listed=2, looked_at=2) is None
    assert not aside.put(b"third")


def test_counts_that_a_dead_worker_took_along_are_not_waited_for_forever() -> None:
    now = [0.0]
    aside = Aside(lambda: now[0])
    assert aside.take(0, listed=2, looked_at=1) == []
    now[0] = 170.0
    assert aside.take(0, listed=3, looked_at=1) == []
    now[0] = 340.0
    assert aside.take(0, listed=3, looked_at=1) == []
    now[0] = 360.0
    assert aside.take(0, listed=3, looked_at=1) is None


def test_documents_that_come_too_late_are_read_at_once(
    production: Production, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(production.monitor, "set_aside", lambda data: False)
    (folder / "a.txt").write_text("slow say scan")
    assert production.run(folder)["a.txt"].outcome == "ready"
    assert production.monitor.tally.counts["parse"] == 1


def test_a_list_that_was_lost_ends_the_job_with_advice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.txt").write_text("note")
    monitor = LocalMonitor()
    names = iter(["one", "another"])
    monkeypatch.setattr(monitor, "identity", lambda: next(names))
    monkeypatch.setattr(monitor, "aside", lambda start: None)
    request = JobRequest(namespace="x", sources=[SourceItem(uri=str(folder))])
    stage = ListStage(request, [], Selection(), 8, monitor)(None)
    assert [w.work().name for w in unpack(next(stage))] == ["a.txt"]
    with pytest.raises(JobError, match="run the job again"):
        next(stage)


def test_together_yields_everything_and_ends_with_the_first_error() -> None:
    def step(item: int, worker: int) -> Iterator[tuple[int, int]]:
        if item == 13:
            raise ValueError("thirteen")
        yield from ((item, worker), (item, worker))

    found = list(together(range(12), step, 3))
    assert sorted(item for item, _ in found) == sorted([*range(12), *range(12)])
    assert {worker for _, worker in found} <= {0, 1, 2}
    with pytest.raises(ValueError, match="thirteen"):
        list(together(range(20), step, 2))
    assert list(together([], step, 2)) == []
