"""Specifications are read strictly, and become jobs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from data_jobs.backfill.schedule import keep_time
from data_jobs.backfill.spec import read_spec
from retrieval.errors import InvalidInputError
from retrieval.jobs import Budget, Mirror

FULL = """
namespace: studio
metadata: {by: backfill}
sources:
  - uri: {folder}
    include: ["*.pdf"]
    priority: 5
    recursive: false
  - uri: sitemap+https://example.org/
lanes: [documents, web]
budgets:
  web: {documents: 500}
  documents: {bytes: 1000000}
mirror: {max_share: 0.2}
schedule: "30 3 * * mon-fri"
timezone: Europe/Berlin
"""


def spec_file(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text.replace("{folder}", str(folder)))
    return path


def test_a_specification_becomes_a_job(tmp_path: Path) -> None:
    request = read_spec(spec_file(tmp_path, FULL)).request("pmoves")
    assert request.namespace == "studio"
    assert request.lanes == ["documents", "web"]
    assert request.budgets == {"web": Budget(documents=500), "documents": Budget(bytes=1_000_000)}
    assert request.mirror == Mirror(max_share=0.2, max_documents=10)
    first, second = request.sources
    assert (first.uri, first.include, first.priority) == (str(tmp_path), ["*.pdf"], 5)
    assert (first.recursive, second.uri) == (False, "sitemap+https://example.org/")
    assert (
        read_spec(spec_file(tmp_path, "sources: [{uri: {folder}}]")).request("x").namespace == "x"
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sources: []", "sources"),
        ("{}", "sources"),
        ("- a", "the whole"),
        ("sources: [{uri: {folder}}]\nnamespace: 'a/b c'", "namespace"),
        ("sources: [{uri: {folder}, depth: 3}]", "sources.0.depth"),
        ("sources: [{uri: {folder}}]\nlanes: [films]", "lanes.0"),
        ("sources: [{uri: {folder}}]\nbudgets: {web: {documents: 0}}", "budgets.web.documents"),
        (
            "sources: [{uri: {folder}}]\nlanes: [mail]\nbudgets: {web: {documents: 1}}",
            "not taken: web",
        ),
        ("sources: [{uri: {folder}}]\nmirror: {max_share: 2}", "mirror.max_share"),
        ("sources: [{uri: {folder}}]\nschedule: daily at noon", "cron expression"),
        ("sources: [{uri: {folder}}]\ntimezone: Mars/Olympus", "time zone"),
        ("sources: [{uri: {folder}/nothing}]", "there is nothing at"),
        ("sources: [{uri: 'http://'}]", "sources"),
        ("sources: [", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(InvalidInputError, match=named):
        read_spec(spec_file(tmp_path, text))


def test_a_specification_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_spec(tmp_path / "spec.yaml")


def test_a_long_run_leaves_out_what_it_has_missed() -> None:
    now = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
    began = []

    def wait(seconds: float) -> None:
        nonlocal now
        assert 0 < seconds <= 60
        now = datetime.fromtimestamp(now.timestamp() + seconds, UTC)

    def run() -> None:
        nonlocal now
        began.append(now.hour)
        # Two hours and a half.
        now = datetime.fromtimestamp(now.timestamp() + 9_000, UTC)
        if len(began) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep_time("0 * * * *", "UTC", run, lambda: now, wait)
    assert began == [1, 4, 7]
