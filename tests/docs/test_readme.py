"""The README's program does what it says, with the real model."""

from pathlib import Path

import pytest

from tests.docs.pages import read_page


@pytest.mark.integration
def test_library_snippet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = read_page("README.md").blocks("python")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    first = capsys.readouterr().out.splitlines()[0]
    assert "runbook.md: The NAS restore took 31 hours." in first
    assert (tmp_path / "my-notes" / "corpus").is_dir()


def test_snippet_is_about_five_lines() -> None:
    (code,) = read_page("README.md").blocks("python")
    assert len([line for line in code.splitlines() if line]) == 5


def test_guide_has_the_same_snippet() -> None:
    (code,) = read_page("README.md").blocks("python")
    assert code in read_page("docs/guide/library.md").blocks("python")
