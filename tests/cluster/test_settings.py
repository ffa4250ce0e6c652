"""Settings: where they come from, and what is said when they are wrong."""

from pathlib import Path

import pytest

from cluster.config_report import (
    UNUSED_PREDECESSOR_NAMES,
    Report,
    given_values,
    read_settings,
    require_usable,
    rows,
)
from cluster.errors import ConfigError
from cluster.setting_fields import setting_fields
from cluster.settings import Settings
from retrieval.settings import PREDECESSOR_NAMES


@pytest.fixture(autouse=True)
def clean_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    names = [field.env for field in setting_fields()]
    for name in [*names, *PREDECESSOR_NAMES, *UNUSED_PREDECESSOR_NAMES]:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def origins(report: Report) -> dict[str, tuple[str, str]]:
    return {row.name: (row.value, row.origin) for row in rows(report, require_usable(report))}


def test_defaults_are_right_and_say_so() -> None:
    report = read_settings()
    assert report.all_faults == ()
    assert {row.origin for row in rows(report, require_usable(report))} == {"default"}


def test_every_source_is_named(clean_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_HTTP__PORT", "8123")
    monkeypatch.setenv("ALPHA", "0.25")
    (clean_folder / ".env").write_text("# mine\n\nexport PMOVES_LOG__LEVEL='debug'\n")
    (clean_folder / "pmoves.toml").write_text("[chunking]\nsize = 99\n")
    found = origins(read_settings())
    assert found["http.port"] == ("8123", "environment variable PMOVES_HTTP__PORT")
    assert found["search.alpha"] == ("0.25", "environment variable ALPHA (predecessor)")
    assert found["log.level"] == ("debug", ".env, line 3 (PMOVES_LOG__LEVEL)")
    assert found["chunking.size"] == ("99", "pmoves.toml, chunking.size")
    assert found["chunking.overlap"] == ("30", "default")


def test_the_environment_wins_over_both_files(
    clean_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_SEARCH__ALPHA", "0.1")
    monkeypatch.setenv("ALPHA", "0.2")
    (clean_folder / ".env").write_text("PMOVES_SEARCH__ALPHA=0.3\n")
    (clean_folder / "pmoves.toml").write_text("[search]\nalpha = 0.4\n")
    value, origin = origins(read_settings())["search.alpha"]
    assert (value, origin) == ("0.1", "environment variable PMOVES_SEARCH__ALPHA")


def test_a_group_can_be_given_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_SEARCH", '{"alpha": 0.5}')
    found = origins(read_settings())
    assert found["search.alpha"] == ("0.5", "environment variable PMOVES_SEARCH")
    assert found["search.fusion"][1] == "default"


def test_all_faults_come_at_once_with_their_origin(
    clean_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_HTTP__PORT", "99999")
    monkeypatch.setenv("ALPHA", "7")
    monkeypatch.setenv("PMOVES_INGEST__ROOTS", "/data")
    (clean_folder / ".env").write_text("PMOVES_LOG__LEVEL=loud\n\nno sense\n")
    (clean_folder / "pmoves.toml").write_text("[search]\nalfa = 0.2\n")
    report = read_settings()
    assert report.settings is None
    assert {(fault.name, fault.origin) for fault in report.faults} == {
        ("http.port", "environment variable PMOVES_HTTP__PORT"),
        ("search.alpha", "environment variable ALPHA (predecessor)"),
        ("ingest.roots", "environment variable PMOVES_INGEST__ROOTS"),
        ("log.level", ".env, line 1 (PMOVES_LOG__LEVEL)"),
        (".env", ".env, line 3"),
        ("search.alfa", "pmoves.toml, search.alfa"),
    }
    with pytest.raises(ConfigError, match=r"6 settings are wrong") as error:
        require_usable(report)
    assert all(str(fault) in str(error.value) for fault in report.faults)


def test_messages_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_INGEST__ROOTS", "/data")
    monkeypatch.setenv("PMOVES_SEARCH__ALFA", "1")
    messages = {fault.name: fault.message for fault in read_settings().faults}
    assert 'write ["/data"]' in messages["ingest.roots"]
    assert "did you mean search.alpha (PMOVES_SEARCH__ALPHA)?" in messages["search.alfa"]


def test_unknown_names_are_reported_but_stop_nothing(
    clean_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMOVES_HTTP_PORT", "1")
    (clean_folder / "pmoves.toml").write_text("hoem = '/x'\n[serach]\nalpha = 1\n")
    report = read_settings()
    assert report.settings is not None
    found = {fault.name: fault.message for fault in report.unknown}
    assert "PMOVES_HTTP__PORT" in found["PMOVES_HTTP_PORT"]
    assert "PMOVES_HOME" in found["hoem"]
    assert "the group search" in found["serach"]


def test_a_supabase_project_without_a_key_is_told_and_stops_nothing(
    clean_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_URL", "https://studio.supabase.co")
    report = read_settings()
    assert require_usable(report).uses_supabase
    (fault,) = report.all_faults
    assert (fault.name, fault.origin) == (
        "supabase.key",
        "environment variable SUPABASE_URL (predecessor)",
    )
    assert "there is no key for Supabase at https://studio.supabase.co" in fault.message
    assert "PMOVES_SUPABASE__KEY" in fault.message
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", "secret")
    assert read_settings().all_faults == ()
    monkeypatch.delenv("SUPABASE_SERVICE_ROLE_KEY")
    # A database of its own keeps the gates then.
    monkeypatch.setenv("PMOVES_STATE__URL", "sqlite:///here.db")
    assert read_settings().all_faults == ()


def test_broken_toml_is_one_clear_fault(clean_folder: Path) -> None:
    (clean_folder / "pmoves.toml").write_text("alpha = = 1\n")
    report = read_settings()
    assert [fault.name for fault in report.faults] == ["pmoves.toml"]
    assert "line 1" in report.faults[0].message


def test_names_of_the_mesh_itself_are_no_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEBUG", "MESH_ID", "MESH_DIR", "CONTRACTS_DIR", "TEST_CRANFIELD"):
        monkeypatch.setenv(f"PMOVES_{name}", "x")
    assert read_settings().all_faults == ()


@pytest.mark.parametrize("name", UNUSED_PREDECESSOR_NAMES)
def test_predecessor_names_without_a_feature_are_noted(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    (note,) = read_settings().notes
    assert note.startswith(f"{name} has no effect: ")


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_API_KEY", "hunter2")
    monkeypatch.setenv("PMOVES_STATE__URL", "postgresql://me:hunter2@db/pmoves")
    found = origins(read_settings())
    assert found["api_key"][0] == "********"
    assert found["state.url"][0] == "postgresql://me:********@db/pmoves"


def test_a_wrong_secret_is_not_shown(clean_folder: Path) -> None:
    (clean_folder / "pmoves.toml").write_text("api_key = 77123\n")
    (fault,) = read_settings().faults
    assert fault.name == "api_key"
    assert "77123" not in str(fault)


def test_given_values_make_the_same_settings_elsewhere(
    clean_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPHA", "0.2")
    (clean_folder / ".env").write_text("PMOVES_API_KEY=hunter2\n")
    (clean_folder / "pmoves.toml").write_text(
        "[ingest]\nroots = ['/a b', '/c']\n[ingest.stages]\nparse_cpus = 0.3\n"
        "[chunking]\ncontext = false\n"
    )
    report = read_settings()
    first = require_usable(report)
    given = given_values(report, first)
    assert set(given) >= {"PMOVES_INGEST__ROOTS", "PMOVES_SEARCH__ALPHA", "PMOVES_API_KEY"}
    assert "PMOVES_SEARCH__FUSION" not in given
    monkeypatch.delenv("ALPHA")
    (clean_folder / ".env").unlink()
    (clean_folder / "pmoves.toml").unlink()
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert Settings() == first


def test_every_name_of_the_predecessor_leads_to_a_setting() -> None:
    assert set(PREDECESSOR_NAMES.values()) <= {field.path for field in setting_fields()}


def test_the_networks_of_the_predecessor_are_understood(
    clean_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAILSCALE_ONLY", "true")
    monkeypatch.setenv("TAILSCALE_CIDRS", "100.64.0.0/10, 10.8.0.0/16")
    monkeypatch.setenv("HIRAG_TRUSTED_PROXIES", "10.0.0.1")
    settings = require_usable(read_settings())
    http = settings.http
    assert (http.tailnet_only, http.trusted_proxies) == (True, ["10.0.0.1"])
    assert http.tailnet_cidrs == ["100.64.0.0/10", "10.8.0.0/16"]
    given = given_values(read_settings(), settings)
    assert given["PMOVES_HTTP__TAILNET_CIDRS"] == '["100.64.0.0/10", "10.8.0.0/16"]'
    monkeypatch.setenv("TAILSCALE_CIDRS", "everywhere")
    (fault,) = read_settings().faults
    assert (fault.name, "TAILSCALE_CIDRS" in fault.origin) == ("http.tailnet_cidrs.0", True)
