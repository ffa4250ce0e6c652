"""Personas whose gates a Supabase project keeps: the commands and the doctor."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cluster.cli.app import app
from cluster.doctor.finding import Finding
from cluster.doctor.supabase import check_supabase
from cluster.settings import Settings
from retrieval.state.database import REVISION, script
from tests.engines.supabase import ANON, SERVICE, Project
from tests.eval.gates.asking import encoded, request

GATES = """
gates:
  - name: Skipper
    version: "3.1"
    datasets:
      - {id: questions, queries_path: questions.jsonl, thresholds: {MRR: {min: 0.5}}}
"""
REAL = [pytest.mark.integration, pytest.mark.xdist_group("postgres")]


def pmoves(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def named(project: Project, home: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that the environment names."""
    assert not home.exists()
    monkeypatch.setenv("PMOVES_SUPABASE__URL", project.url)
    monkeypatch.setenv("PMOVES_SUPABASE__KEY", SERVICE)
    return project


def checked() -> Finding:
    found = check_supabase(Settings())
    assert found is not None
    assert SERVICE not in found.detail + found.advice
    return found


@pytest.mark.usefixtures("home")
def test_nothing_is_said_without_a_project() -> None:
    assert check_supabase(Settings()) is None


@pytest.mark.usefixtures("home")
def test_an_address_without_a_key_is_told_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", "https://studio.supabase.co")
    found = checked()
    assert found.level == "fail"
    assert "there is no key for Supabase at https://studio.supabase.co" in found.detail
    told = pmoves("config", "check")
    assert told.exit_code == 1
    assert found.detail in told.stdout


def test_the_sql_of_the_tables_is_printed() -> None:
    assert pmoves("migrations").stdout == script() + "\n"
    since = pmoves("migrations", "--since", "0008").stdout
    assert "persona_gates (" not in since
    assert "settle_persona_gate" in since
    unknown = pmoves("migrations", "--since", "now")
    assert unknown.exit_code != 0
    assert "there is no revision 'now'" in str(unknown.exception) + unknown.output


@pytest.mark.usefixtures("named")
class TestCommands:
    """What users do."""

    pytestmark = REAL

    def test_gates_and_answers_are_there_and_not_at_home(self, home: Path, tmp_path: Path) -> None:
        (tmp_path / "gates.yaml").write_text(GATES)
        assert pmoves("personas", "define", str(tmp_path / "gates.yaml")).exit_code == 0
        listed = json.loads(pmoves("personas", "list", "--json").stdout)["gates"]
        assert "Skipper" in [gate["name"] for gate in listed]
        event = tmp_path / "request.json"
        event.write_bytes(encoded(request("Nobody")))
        first, second = (pmoves("personas", "gate", str(event)) for _ in range(2))
        assert "unknown-persona" in first.stdout
        assert first.stdout == second.stdout
        assert json.loads(pmoves("personas", "results", "--json").stdout) == {"results": []}
        assert not (home / "state.db").exists()

    def test_the_key_is_not_shown(self) -> None:
        shown = pmoves("config", "show").stdout
        assert "supabase.url" in shown
        assert SERVICE not in shown

    def test_the_doctor_says_that_it_answers(self) -> None:
        found = checked()
        assert found.level == "ok"
        assert found.detail.endswith(f"in tables of revision {REVISION}")

    def test_the_doctor_says_what_is_wrong(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PMOVES_SUPABASE__KEY", ANON)
        assert checked().level == "fail"
        monkeypatch.setenv("PMOVES_STATE__URL", "sqlite:///here.db")
        assert checked().level == "warn"
