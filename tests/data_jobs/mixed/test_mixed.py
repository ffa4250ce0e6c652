"""Files of all lanes, hostile ones among them, ingested by a job that is killed on the way.

`PMOVES_TEST_MIXED=1000` makes it that many files and five kills, 1 a small set with one kill.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from retrieval.ids import document_id
from tests.data_jobs.mixed.checks import Stored, faults
from tests.data_jobs.mixed.hostile import HOSTILE, QUICK
from tests.data_jobs.mixed.library import write_set
from tests.data_jobs.mixed.planned import DAMAGED, LIMIT, Planned
from tests.data_jobs.mixed.runs import ingest
from tests.data_jobs.production import NAMESPACE as STUDIO
from tests.data_jobs.production import Production

FILES = int(os.environ.get("PMOVES_TEST_MIXED", "1"))
SMALL = FILES <= 1
# Ray, its workers and the model of the small set take half of it.
MOST_BYTES = 4 * 2**30
SEED = 2026


@pytest.mark.integration
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(600 if SMALL else 7_200)
@pytest.mark.soak
def test_every_file_ends_as_it_must_though_the_job_is_killed(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    planned = write_set(tmp_path / "files", FILES, SEED, QUICK if SMALL else tuple(HOSTILE))
    kills = 1 if SMALL else 5
    runs = ingest(tmp_path / "files", tmp_path / "home", kills, len(planned), SEED)
    print(
        f"{len(planned):,} files, {runs.kills} kills: "
        f"{runs.peak_bytes / 2**30:.1f} GiB at most, {runs.seconds:,.0f} s"
    )
    assert (runs.kills, runs.left_over, runs.code) == (kills, [], 3)
    assert faults(planned, Stored.read(tmp_path / "home")) == []
    assert runs.peak_bytes < MOST_BYTES


TEXTS = ("The calm baker buys the old drums today.", "The keen judge hides the red flags today.")


@pytest.fixture
def good(tmp_path: Path) -> tuple[list[Planned], Stored]:
    """Two notes and a file that cannot be read, and how they are stored."""
    production = Production(tmp_path / "home")
    contents = (TEXTS[0].encode(), TEXTS[1].encode(), b"%PDF-1.4 cut")
    paths = [tmp_path / name for name in ("one.txt", "two.txt", "cut.pdf")]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    production.run(*paths)
    one, two, cut = (path.as_uri() for path in paths)
    planned = [Planned(one, TEXTS[:1]), Planned(two, TEXTS[1:]), Planned(cut, reason=DAMAGED)]
    return planned, Stored.read(tmp_path / "home", STUDIO)


def test_what_is_wrong_with_a_corpus_is_told(good: tuple[list[Planned], Stored]) -> None:
    planned, stored = good
    one, two, cut = planned
    assert faults(planned, stored) == []
    assert faults([one, two], stored) == [f"unexpected: {cut.source}"]
    assert faults([*planned, Planned("file:///x")], stored) == ["not in the ledger: file:///x"]
    (told,) = faults([one, two, replace(cut, reason=LIMIT)], stored)
    assert told.startswith("quarantined, UnreadableFileError (")
    (told,) = faults([one, replace(two, sentences=(TEXTS[1], "Nobody wrote this.")), cut], stored)
    assert "1 sentences are missing" in told
    (told,) = faults([one, replace(two, sentences=("Rain",), share=0.5), cut], stored)
    assert "only 0% of its words" in told
    stored.texts[document_id(one.source)].append((0, TEXTS[1]))
    astray, count = faults(planned, stored)
    assert "is from" in astray
    assert "1 passages in the ledger, but stored are [0, 0]" in count
