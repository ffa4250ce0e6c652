"""What counts as a fault of a job that was in hand when its ingestor was struck."""

import pytest

from cluster.chaos.job import job_faults
from cluster.chaos.material import Json

JOB: Json = {"job_id": "j1", "state": "succeeded", "done": 2, "quarantined": 0, "error": None}
READY: list[Json] = [{"doc_id": "a", "status": "ready"}, {"doc_id": "b", "status": "ready"}]


def test_a_job_whose_documents_are_all_ready_has_none() -> None:
    assert job_faults(JOB, READY, 2) == []


@pytest.mark.parametrize(
    ("job", "rows", "told"),
    [
        ({"state": "failed", "error": "lost"}, READY, "job j1 failed: 2 of 2 done"),
        ({"done": 1}, READY, "1 of 2 done"),
        ({"quarantined": 1}, READY, "1 quarantined"),
        ({}, [READY[0], {"doc_id": "b", "status": "pending"}], "not ready, such as b"),
        ({}, READY[:1], "1 documents are stored of 2 files"),
        ({}, [READY[0], READY[0]], "2 documents are stored of 2 files"),
        ({}, [*READY, {"doc_id": "c", "status": "ready"}], "3 documents are stored"),
    ],
)
def test_what_failed_is_not_ready_lost_or_twice_is_told(
    job: Json, rows: list[Json], told: str
) -> None:
    (fault,) = job_faults(JOB | job, rows, 2)
    assert told in fault
