"""Schedules in the state database: who takes a run, and what becomes of missed ones."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retrieval.chunk import utc_now
from retrieval.jobs import JobRequest, JobStore, SourceItem
from retrieval.schedules import Schedule, ScheduleStore

HOURLY = "0 * * * *"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def store(url: str) -> Iterator[ScheduleStore]:
    made = ScheduleStore(url)
    yield made
    made.close()


@pytest.fixture
def jobs(url: str) -> Iterator[JobStore]:
    made = JobStore(url)
    yield made
    made.close()


def request(namespace: str = "studio") -> JobRequest:
    return JobRequest(namespace=namespace, sources=[SourceItem(uri="file:///talks")])


def again(store: ScheduleStore, schedule: Schedule) -> Schedule:
    found = store.get(schedule.schedule_id)
    assert found is not None
    return found


def test_a_schedule_is_kept_as_it_was_asked_for(store: ScheduleStore) -> None:
    made = store.create(request(), "30 3 * * *", "Europe/Berlin")
    assert again(store, made) == made
    assert (made.cron, made.timezone, made.request) == ("30 3 * * *", "Europe/Berlin", request())
    assert made.next_at > utc_now()
    assert made.next_at.tzinfo == UTC
    assert store.due(utc_now()) == []
    assert store.due(made.next_at) == [made]


def test_pages_hold_the_namespaces_that_are_asked_for(store: ScheduleStore) -> None:
    made = [store.create(request(name), HOURLY) for name in ("a", "b", "a", "c")]
    first = store.list(["a", "c"], limit=2)
    assert first.schedules == [made[0], made[2]]
    rest = store.list(["a", "c"], limit=2, cursor=first.next_cursor)
    assert (rest.schedules, rest.next_cursor) == ([made[3]], None)
    assert len(store.list().schedules) == 4


def test_what_is_deleted_is_due_no_more(store: ScheduleStore) -> None:
    made = store.create(request(), HOURLY)
    assert store.delete(made.schedule_id)
    assert not store.delete(made.schedule_id)
    assert store.due(made.next_at) == []
    assert store.take(made, made.next_at) is None


def test_missed_moments_are_made_up_for_by_one_run(store: ScheduleStore, jobs: JobStore) -> None:
    made = store.create(request(), HOURLY)
    late = made.next_at + timedelta(days=3, minutes=20)
    job = store.take(made, late)
    assert job is not None
    stored = jobs.get(job.job_id)
    assert stored is not None
    assert (stored.state, stored.request) == ("queued", request())
    moved = again(store, made)
    assert (moved.last_at, moved.last_job_id) == (late, job.job_id)
    assert moved.next_at == made.next_at + timedelta(days=3, hours=1)
    assert store.due(late) == []


def test_a_moment_is_left_out_while_the_run_before_goes_on(
    store: ScheduleStore, jobs: JobStore
) -> None:
    made = store.create(request(), HOURLY)
    first = store.take(made, made.next_at)
    assert first is not None
    second = again(store, made)
    assert store.take(second, second.next_at) is None
    third = again(store, made)
    assert (third.last_job_id, third.last_at) == (first.job_id, made.next_at)
    assert third.next_at == second.next_at + timedelta(hours=1)
    jobs.finish(first.job_id, "failed", "no space")
    assert store.take(third, third.next_at) is not None


def test_of_many_who_take_a_run_one_gets_it(url: str, store: ScheduleStore, jobs: JobStore) -> None:
    made = store.create(request(), HOURLY)
    stores = [ScheduleStore(url) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda each: each.take(made, made.next_at), stores))
    assert len([job for job in taken if job]) == 1
    assert len(jobs.list().jobs) == 1
    for each in stores:
        each.close()


def test_a_run_whose_taker_died_is_given_to_one_other(
    url: str, store: ScheduleStore, jobs: JobStore
) -> None:
    made = store.create(request(), HOURLY)
    job = store.take(made, made.next_at)
    assert job is not None
    jobs.create(request())
    assert store.reclaim(job.updated_at) == []
    later = utc_now() + timedelta(microseconds=1)
    other = ScheduleStore(url)
    given = [*store.reclaim(later), *other.reclaim(later)]
    other.close()
    assert [each.job_id for each in given] == [job.job_id]
    jobs.set_runner(job.job_id, "run-1")
    assert store.reclaim(datetime.max.replace(tzinfo=UTC)) == []
