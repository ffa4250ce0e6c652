"""The command line, on a corpus in this process and on a gateway."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cluster.cli.app import app
from retrieval.corpus.locking import sole_keeper
from retrieval.corpus.store import Corpus
from retrieval.jobs import JobRequest, JobStore, SourceItem
from retrieval.schedules import ScheduleStore


def pmoves(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def answer(*arguments: str) -> dict[str, Any]:
    result = pmoves(*arguments, "--json")
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


@pytest.fixture(params=["in process", "over HTTP"])
def reach(request: pytest.FixtureRequest, corpus: Corpus) -> list[str]:
    """The options by which a command reaches `corpus`, both ways."""
    if request.param == "in process":
        return []
    return ["--url", request.getfixturevalue("gateway")]


def test_search_prints_ranked_cited_passages(reach: list[str]) -> None:
    result = pmoves("search", "hot water for leaves", "--explain", *reach)
    assert result.exit_code == 0, result.output
    first, text, reason = result.stdout.splitlines()[:3]
    assert first.startswith("1. ")
    assert "Tea, brewed · page 3 · file:///tea.pdf" in first
    assert text.strip() == "Green tea is brewed with water of eighty degrees."
    assert "dense: rank 1" in reason


def test_search_as_json_is_the_response_of_the_api(reach: list[str]) -> None:
    found = answer("search", "phantom power", "--k", "1", "--mode", "lexical", *reach)
    assert found["k"] == 1
    assert found["hits"][0]["doc_id"] == "mic"


def test_search_in_another_namespace_finds_nothing(reach: list[str]) -> None:
    assert answer("search", "tea", "--namespace", "elsewhere", *reach)["hits"] == []


def test_documents_are_listed_and_filtered(reach: list[str]) -> None:
    lines = pmoves("documents", "list", *reach).stdout.splitlines()
    assert lines[0].split("\t")[:3] == ["DOC_ID", "NAMESPACE", "STATUS"]
    assert len(lines) == 4
    bad = answer("documents", "list", "--status", "quarantined", *reach)["documents"]
    assert [document["doc_id"] for document in bad] == ["bad"]


def test_failed_documents_are_counted_and_ignored(reach: list[str]) -> None:
    (reason,) = answer("documents", "reasons", *reach)["reasons"]
    assert (reason["stage"], reason["count"]) == ("parse", 1)
    found = answer("documents", "list", "--reason", reason["type"], *reach)["documents"]
    assert [document["doc_id"] for document in found] == ["bad"]
    assert answer("documents", "list", "--reason", "NoSuchError", *reach)["documents"] == []
    assert answer("documents", "ignore", "bad", "tea", *reach)["doc_ids"] == ["bad"]
    assert answer("documents", "reasons", *reach)["reasons"] == []
    assert answer("documents", "show", "bad", *reach)["status"] == "ignored"


def test_the_original_of_a_document_is_named_or_missed(reach: list[str]) -> None:
    result = pmoves("documents", "open", "tea", *reach)
    assert result.exit_code == 2
    assert "/tea.pdf is not there any more" in result.stderr
    wrong = pmoves("documents", "retry", "--set", "languages", *reach)
    assert wrong.exit_code == 2
    assert "ocr.languages=deu" in wrong.stderr


def test_pages_are_linked_by_cursors(reach: list[str]) -> None:
    first = answer("documents", "list", "--limit", "2", *reach)
    rest = answer("documents", "list", "--cursor", first["next_cursor"], *reach)
    documents = [*first["documents"], *rest["documents"]]
    assert sorted(document["doc_id"] for document in documents) == ["bad", "mic", "tea"]


def test_a_document_is_shown_and_deleted(reach: list[str]) -> None:
    assert answer("documents", "show", "tea", *reach)["status"] == "ready"
    deleted = answer("documents", "delete", "tea", *reach)
    assert deleted["deleted_chunks"] == 1
    assert answer("documents", "show", "tea", *reach)["status"] == "deleted"
    again = pmoves("documents", "delete", "tea", *reach)
    assert again.exit_code == 1
    assert "deleted already" in again.stderr


def test_what_is_not_there_is_named(reach: list[str]) -> None:
    for arguments in (("documents", "show", "nix"), ("jobs", "show", "nix")):
        result = pmoves(*arguments, *reach)
        assert result.exit_code == 1
        # The gateway, which logs to the same place here, comes before.
        told = result.stderr.splitlines()[-1]
        assert told.startswith("pmoves: ")
        assert "nix" in told


def test_namespaces_are_counted(reach: list[str]) -> None:
    (entry,) = answer("namespaces", *reach)["namespaces"]
    assert entry["namespace"] == "pmoves"
    assert entry["chunks"] == 2


def test_jobs_are_listed_shown_and_stopped(reach: list[str], home: Path) -> None:
    store = JobStore(f"sqlite:///{home / 'state.db'}")
    job = store.create(JobRequest(namespace="pmoves", sources=[SourceItem(uri="file:///x")]))
    (listed,) = answer("jobs", "list", *reach)["jobs"]
    assert listed["job_id"] == job.job_id
    assert answer("jobs", "show", job.job_id, *reach)["state"] == "queued"
    assert answer("jobs", "stop", job.job_id, *reach)["job_id"] == job.job_id
    assert store.stop_requested(job.job_id)
    assert answer("jobs", "pause", job.job_id, *reach)["paused"] is True
    assert answer("jobs", "resume", job.job_id, *reach)["paused"] is False
    store.close()


def test_schedules_are_listed_shown_and_removed(reach: list[str], home: Path) -> None:
    store = ScheduleStore(f"sqlite:///{home / 'state.db'}")
    request = JobRequest(namespace="pmoves", sources=[SourceItem(uri="file:///x")])
    made = store.create(request, "30 3 * * *", "Europe/Berlin").schedule_id
    (listed,) = answer("schedules", "list", *reach)["schedules"]
    assert (listed["schedule_id"], listed["timezone"]) == (made, "Europe/Berlin")
    assert made in pmoves("schedules", "list", *reach).stdout
    assert "30 3 * * *" in pmoves("schedules", "show", made, *reach).stdout
    assert answer("schedules", "remove", made, *reach)["schedule_id"] == made
    assert store.get(made) is None
    assert made in pmoves("schedules", "show", made, *reach).stderr
    store.close()


@pytest.mark.usefixtures("corpus")
def test_a_schedule_is_added_to_a_mesh_alone(gateway: str, tmp_path: Path) -> None:
    add = ("schedules", "add", "30 3 * * *", "https://example.com/")
    made = answer(*add, "--timezone", "Europe/Berlin", "--include", "*.pdf", "--url", gateway)
    assert (made["schedule"], made["sources"]) == ("30 3 * * *", ["https://example.com/"])
    # The place of a file is checked by the mesh, which here opens no folder.
    refused = pmoves("schedules", "add", "30 3 * * *", str(tmp_path), "--url", gateway)
    assert refused.exit_code == 1
    assert "PMOVES_INGEST__ROOTS" in refused.stderr
    alone = pmoves(*add)
    assert alone.exit_code == 2
    assert "pmoves up" in alone.stderr


def test_compact_keeps_the_corpus(corpus: Corpus) -> None:
    before = corpus.version
    answered = answer("compact")
    assert answered["version"] >= before
    assert answered["done"] is True
    assert corpus.namespaces()["pmoves"].chunks == 2


def test_compact_leaves_it_to_the_process_that_is_at_it(corpus: Corpus) -> None:
    with sole_keeper(corpus.chunks_uri) as ours:
        assert ours
        result = pmoves("compact")
    assert result.exit_code == 0
    assert "by another process already" in result.stdout


def test_an_empty_home_says_what_to_do(home: Path) -> None:
    result = pmoves("documents", "list")
    assert result.exit_code == 1
    assert "ingest something first" in result.stderr
    assert not (home / "corpus").exists()


def test_nobody_at_the_url(home: Path) -> None:
    result = pmoves("namespaces", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "nothing answers at http://127.0.0.1:9" in result.stderr
    assert "pmoves up" in result.stderr


def test_wrong_settings_stop_every_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_HTTP__PORT", "0")
    monkeypatch.setenv("PMOVES_SEARCH__ALPHA", "2")
    result = pmoves("namespaces")
    assert result.exit_code == 1
    assert "2 settings are wrong" in result.stderr
    assert "environment variable PMOVES_HTTP__PORT" in result.stderr


def test_config_check_counts_unknown_names_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pmoves("config", "check").exit_code == 0
    monkeypatch.setenv("PMOVES_HTTP_PORT", "8001")
    result = pmoves("config", "check")
    assert result.exit_code == 1
    assert "did you mean http.port" in result.stdout


def test_config_show_has_value_and_origin(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHA", "0.6")
    lines = pmoves("config", "show").stdout.splitlines()
    assert "search.alpha\t0.6\tenvironment variable ALPHA (predecessor)" in lines


@pytest.mark.parametrize(
    "arguments",
    [("nosuch",), ("search",), ("search", "x", "--k", "0"), ("search", " "), ("documents", "x")],
)
def test_wrong_usage_is_two(home: Path, arguments: tuple[str, ...]) -> None:
    assert pmoves(*arguments).exit_code == 2


def test_nothing_runs(home: Path) -> None:
    assert pmoves("status").exit_code == 1
    assert "`pmoves up` starts one" in pmoves("status").stderr
    down = pmoves("down")
    assert (down.exit_code, down.stdout) == (0, "nothing was running\n")


def test_a_fault_of_ours_is_one_sentence_unless_debugging(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_self: object) -> None:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr("cluster.access.direct.DirectAccess.namespaces", break_down)
    result = pmoves("namespaces")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "unexpected ZeroDivisionError: by accident" in result.stderr
    monkeypatch.setenv("PMOVES_DEBUG", "1")
    assert isinstance(pmoves("namespaces").exception, ZeroDivisionError)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, cluster.cli.app\n"
        "heavy = {'ray', 'torch', 'lance', 'numpy', 'pydantic', 'faiss', 'rich', 'httpx'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
