import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from retrieval.settings import PREDECESSOR_NAMES, LibrarySettings, predecessor_values


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of its own and an environment without settings of ours."""
    for name in os.environ:
        if name.startswith("PMOVES_") or name in PREDECESSOR_NAMES:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_defaults_need_nothing(folder: Path) -> None:
    settings = LibrarySettings()
    assert settings.search.alpha == 0.7
    assert settings.search.fusion == "convex"
    assert settings.corpus_uri == str(folder / ".pmoves" / "corpus")
    assert settings.state_url == f"sqlite:///{folder / '.pmoves' / 'state.db'}"


def test_uris_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_CORPUS__URI", "s3://bucket/corpus")
    monkeypatch.setenv("PMOVES_STATE__URL", "postgresql://host/db")
    settings = LibrarySettings()
    assert settings.corpus_uri == "s3://bucket/corpus"
    assert settings.state_url == "postgresql://host/db"


def set_everywhere(folder: Path, monkeypatch: pytest.MonkeyPatch, sources: list[str]) -> None:
    """Give `search.alpha` in each of `sources`, everywhere another value."""
    if "toml" in sources:
        (folder / "pmoves.toml").write_text("[search]\nalpha = 0.1\n")
    if "dotenv" in sources:
        (folder / ".env").write_text("PMOVES_SEARCH__ALPHA=0.2\nUNRELATED=x\n")
    if "predecessor" in sources:
        monkeypatch.setenv("ALPHA", "0.3")
    if "environment" in sources:
        monkeypatch.setenv("PMOVES_SEARCH__ALPHA", "0.4")


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["toml"], 0.1),
        (["toml", "dotenv"], 0.2),
        (["toml", "dotenv", "predecessor"], 0.3),
        (["toml", "dotenv", "predecessor", "environment"], 0.4),
        (["predecessor", "environment"], 0.4),
        (["toml", "environment"], 0.4),
    ],
)
def test_the_stronger_source_wins(
    folder: Path, monkeypatch: pytest.MonkeyPatch, sources: list[str], expected: float
) -> None:
    set_everywhere(folder, monkeypatch, sources)
    assert LibrarySettings().search.alpha == expected
    assert LibrarySettings(search={"alpha": 0.9}).search.alpha == 0.9


def test_one_setting_does_not_hide_its_neighbours_in_weaker_sources(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pmoves.toml").write_text('[search]\nalpha = 0.1\nfusion = "rrf"\n')
    (folder / ".env").write_text("PMOVES_SEARCH__CANDIDATES=77\n")
    monkeypatch.setenv("INDEXER_NAMESPACE", "studio")
    monkeypatch.setenv("PMOVES_SEARCH__ALPHA", "0.4")
    search = LibrarySettings().search
    assert (search.alpha, search.fusion, search.candidates) == (0.4, "rrf", 77)
    assert search.namespace == "studio"


def test_every_name_of_the_predecessor_is_read() -> None:
    for name, (group, setting) in PREDECESSOR_NAMES.items():
        values = predecessor_values({name: "x"})
        assert values == {group: {setting: "x"}}


def test_tensorzero_embeds_where_the_predecessors_names_say_so() -> None:
    address = {"TENSORZERO_BASE_URL": "http://tz:3000"}
    assert predecessor_values(address) == {"rerank": {"url": "http://tz:3000"}}
    both = predecessor_values(address | {"EMBEDDING_BACKEND": "tensorzero"})
    assert both["embedding"] == {"provider": "tensorzero", "url": "http://tz:3000"}
    other = predecessor_values(address | {"EMBEDDING_BACKEND": "ollama"})
    assert other["embedding"] == {"provider": "ollama"}
    answers = predecessor_values(address | {"LANGEXTRACT_PROVIDER": "TZ"})
    assert answers["llm"] == {"provider": "TZ", "url": "http://tz:3000"}


def test_empty_and_foreign_variables_do_not_count() -> None:
    assert predecessor_values({"ALPHA": "", "HOME": "/root"}) == {}


def test_every_wrong_value_is_named_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "pmoves.toml").write_text("[search]\nalhpa = 0.1\n")
    monkeypatch.setenv("PMOVES_SEARCH__ALPHA", "2")
    monkeypatch.setenv("PMOVES_SEARCH__FUSION", "best")
    monkeypatch.setenv("PMOVES_EMBEDDING__BATCH_TOKENS", "many")
    monkeypatch.setenv("PMOVES_CORPUS", "no JSON")
    with pytest.raises(ValidationError) as refused:
        LibrarySettings()
    assert {".".join(map(str, error["loc"])) for error in refused.value.errors()} == {
        "search.alpha",
        "search.fusion",
        "search.alhpa",
        "embedding.batch_tokens",
        "corpus",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PMOVES_SEARCH__NEIGHBOR_SHARE", "1.1"),
        ("PMOVES_SEARCH__CANDIDATES", "9"),
        ("PMOVES_SEARCH__TIMEOUT_MS", "0"),
        ("PMOVES_SEARCH__THREADS", "0"),
        ("PMOVES_EMBEDDING__DTYPE", "int4"),
        ("PMOVES_PROFILE", "demo"),
    ],
)
def test_ranges_are_kept(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        LibrarySettings()


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in LibrarySettings.model_fields.items():
        group = field.annotation
        fields = getattr(group, "model_fields", {name: field})
        for setting, described in fields.items():
            assert described.description, f"{name}.{setting}"
