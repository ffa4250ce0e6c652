"""Backfills over real files and a real site: budgets, dry runs, mirrors, pauses."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_jobs.backfill.mirror import Seen, mirror
from data_jobs.backfill.survey import survey
from data_jobs.errors import JobError
from data_jobs.monitor import LocalMonitor
from data_jobs.objects.store import ObjectStore
from data_jobs.sources import Selection, source_uri
from data_jobs.stages.listing import ListStage
from data_jobs.watch import JobWatch
from retrieval.jobs import JobRequest, JobStore, Mirror, SourceItem
from tests.data_jobs.production import NAMESPACE, Production
from tests.data_jobs.web.site import Site, serve

EVERYTHING = Mirror(max_share=1.0)


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as found:
        yield found


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.txt").write_text(f"Text number {number}.")
    return folder


@pytest.fixture
def made(tmp_path: Path) -> Production:
    return Production(
        tmp_path / "home",
        fetch={"private_hosts": ["127.0.0.1"]},
        web={"rate_per_s": 1_000, "attempts": 1},
    )


def request(*sources: Path | str, **fields: object) -> JobRequest:
    items = [SourceItem(uri=str(source)) for source in sources]
    return JobRequest.model_validate({"namespace": NAMESPACE, "sources": items, **fields})


def run(made: Production, wanted: JobRequest) -> dict[str, str]:
    """Run a request; return the outcome of each source's last part."""
    found = made.run_request(wanted)
    return {name: outcome.outcome for name, outcome in found.items()}


def run_and_mirror(made: Production, wanted: JobRequest, limits: Mirror = EVERYTHING) -> int:
    seen = Seen()
    for outcome in made.run_request(wanted).values():
        seen.add(outcome)
    return mirror(made.corpus, wanted, limits, seen, ObjectStore(made.settings.s3))


def left(made: Production) -> set[str]:
    page = made.corpus.documents([NAMESPACE])
    return {row.source.rpartition("/")[2] for row in page.documents}


def test_a_budget_is_spent_run_by_run(made: Production, library: Path) -> None:
    wanted = request(library, budgets={"documents": {"documents": 3}})
    first = run(made, wanted)
    assert [first[f"{n}.txt"] for n in range(4)] == ["ready", "ready", "ready", "stopped"]
    second = run(made, wanted)
    assert [second[f"{n}.txt"] for n in range(4)] == ["skipped", "skipped", "skipped", "ready"]


def test_sources_of_higher_priority_come_first(made: Production, library: Path) -> None:
    low = SourceItem(uri=str(library), include=["0.*", "1.*"])
    high = SourceItem(uri=str(library), include=["3.*"], priority=1)
    wanted = JobRequest(namespace=NAMESPACE, sources=[low, high])
    assert list(run(made, wanted)) == ["3.txt", "0.txt", "1.txt"]


def test_a_dry_run_counts_and_estimates_but_changes_nothing(
    made: Production, library: Path, site: Site
) -> None:
    wanted = request(library, f"list+{site.url}/list.txt", f"{library}/missing")
    page = site.put("/page", "<p>A page.</p>")
    site.put("/list.txt", page)
    unknown = survey(wanted, made.settings)
    assert unknown.lanes["documents"].new == 4
    assert unknown.total_seconds is None
    assert "missing" in unknown.failures[0]
    run(made, request(library, page))
    (library / "1.txt").write_text("It has changed.")
    (library / "new.txt").write_text("New.")
    version = made.corpus.version
    found = survey(request(library, f"list+{site.url}/list.txt"), made.settings)
    documents, web = found.lanes["documents"], found.lanes["web"]
    assert (documents.found, documents.new, documents.changed, documents.unchanged) == (5, 1, 1, 3)
    assert documents.bytes == len("It has changed.") + len("New.")
    assert (web.found, web.unchanged) == (1, 1)
    assert found.total_seconds is not None
    assert found.total_seconds > 0
    assert made.corpus.version == version
    over = survey(request(library, budgets={"documents": {"documents": 1}}), made.settings)
    assert (over.lanes["documents"].over_budget, over.lanes["documents"].to_do) == (1, 1)


def test_a_mirror_deletes_what_is_gone_and_nothing_else(
    made: Production, library: Path, tmp_path: Path
) -> None:
    other = tmp_path / "library-of-others"
    other.mkdir()
    (other / "kept.txt").write_text("Of another folder.")
    made.run(library, other)
    (library / "2.txt").unlink()
    (other / "kept.txt").unlink()
    # What a filter leaves out is still there.
    assert run_and_mirror(made, request(library, exclude=["0.*"])) == 1
    assert left(made) == {"0.txt", "1.txt", "3.txt", "kept.txt"}


def test_a_mirror_deletes_no_more_than_allowed(made: Production, library: Path) -> None:
    wanted = request(library)
    made.run(library)
    for number in range(3):
        (library / f"{number}.txt").unlink()
    with pytest.raises(JobError, match="3 of 4 documents are gone"):
        run_and_mirror(made, wanted, Mirror(max_share=0.5, max_documents=2))
    assert len(left(made)) == 4
    assert run_and_mirror(made, wanted, Mirror(max_share=0.5, max_documents=3)) == 3


def test_a_folder_that_is_not_there_deletes_nothing(made: Production, library: Path) -> None:
    made.run(library)
    library.rename(library.with_name("elsewhere"))
    with pytest.raises(JobError, match="there is nothing at"):
        run_and_mirror(made, request(library))
    assert left(made) == {"0.txt", "1.txt", "2.txt", "3.txt", "library"}


def test_a_mirror_follows_sitemaps_and_missing_pages(made: Production, site: Site) -> None:
    pages = [site.put(f"/{name}", f"<p>Page {name}.</p>") for name in "abc"]
    alone = site.put("/alone", "<p>Alone.</p>")
    site.put("/list.txt", "\n".join(pages))
    wanted = request(f"list+{site.url}/list.txt", alone)
    assert run_and_mirror(made, wanted) == 0
    site.put("/list.txt", "\n".join(pages[:2]))
    site.put("/a", "", status=500)
    site.put("/b", "", status=410)
    site.put("/alone", "", status=404)
    # The host of "a" is in trouble: that page is not gone.
    assert run_and_mirror(made, wanted) == 3
    assert left(made) == {"a"}
    site.put("/list.txt", "", status=503)
    assert run_and_mirror(made, request(f"list+{site.url}/list.txt")) == 0
    assert "a" in left(made)


def test_listing_rests_while_a_job_is_paused(library: Path) -> None:
    monitor = LocalMonitor()
    monitor.pause(True)
    stage = ListStage(request(library), (), Selection(), 8, monitor)
    listed: list[object] = []
    thread = threading.Thread(target=lambda: listed.extend(stage.first()))
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    assert monitor.tally.counts["list"] == 0
    monitor.pause(False)
    thread.join(30)
    assert not thread.is_alive()
    assert monitor.tally.counts["list"] == 4
    assert listed


def test_the_wish_to_pause_reaches_a_running_job(tmp_path: Path) -> None:
    jobs = JobStore(f"sqlite:///{tmp_path / 'state.db'}")
    job = jobs.create(request(tmp_path))
    monitor = LocalMonitor()
    watch = JobWatch(job.job_id, jobs, monitor)
    jobs.request_pause(job.job_id, True)
    watch._tick(final=True)
    assert monitor.paused()
    assert watch.progress().doing == "paused"
    jobs.request_pause(job.job_id, False)
    watch._tick(final=True)
    assert not monitor.paused()
    jobs.close()


def test_uris_of_a_pattern_are_mirrored_below_its_folder(made: Production, library: Path) -> None:
    wanted = request(f"{library}/*.txt")
    run(made, wanted)
    (library / "0.txt").unlink()
    assert run_and_mirror(made, wanted) == 1
    assert made.row(source_uri(library / "0.txt")).status == "deleted"
