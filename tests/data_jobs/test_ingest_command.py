"""Wrong calls of the command end with 2, before Ray starts."""

from pathlib import Path

import pytest

from data_jobs.ingest import exit_code, main
from data_jobs.progress import Summary
from retrieval.jobs import JobState

SUMMARY = Summary("j", "studio", "succeeded", 3, 2, 0, 1, 9, 0, 1.0, 4, [])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PMOVES_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a file, a folder or a pattern"),
        (["missing.pdf"], "there is nothing at"),
        (["*.nope"], "no file matches"),
        (["gs://bucket/x"], "'gs' is not supported"),
        ([".", "--namespace", "a b"], "namespace: String should match"),
        (["--job-id", "nobody"], "there is no job 'nobody'"),
        ([".", "--frob"], "unrecognized arguments: --frob"),
    ],
)
def test_wrong_calls(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_wrong_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PMOVES_CHUNKING__SIZE", "5")
    monkeypatch.setenv("PMOVES_INGEST__MAX_PAGES", "0")
    with pytest.raises(SystemExit):
        main(["."])
    told = capsys.readouterr().err
    assert "chunking.size" in told
    assert "ingest.max_pages" in told


@pytest.mark.parametrize(
    ("state", "quarantined", "code"),
    [("succeeded", 0, 0), ("succeeded", 2, 3), ("stopped", 0, 1), ("failed", 2, 1)],
)
def test_exit_codes(state: JobState, quarantined: int, code: int) -> None:
    values = {name: getattr(SUMMARY, name) for name in SUMMARY.__dataclass_fields__}
    assert exit_code(Summary(**values | {"state": state, "quarantined": quarantined})) == code
