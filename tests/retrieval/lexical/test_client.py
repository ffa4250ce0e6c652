"""How Elasticsearch is reached: credentials, certificates, several hosts."""

import uuid
from pathlib import Path

import pytest

from retrieval.corpus.store import Corpus
from retrieval.errors import EngineError
from retrieval.lexical.elasticsearch.client import connect
from retrieval.lexical.elasticsearch.projection import lexical_projection
from retrieval.settings import ElasticsearchSettings, LibrarySettings
from tests.engines.guarded import guarded
from tests.engines.process import any_free_port


def settings_for(*hosts: str, **more: object) -> ElasticsearchSettings:
    given = {"hosts": list(hosts), "index": f"t{uuid.uuid4().hex[:12]}"} | more
    return ElasticsearchSettings.model_validate(given)


@pytest.mark.parametrize(
    ("authorization", "given"),
    [
        ("ApiKey bXk6a2V5", {"api_key": "bXk6a2V5"}),
        ("Basic dXNlcjpzZWNyZXQ=", {"username": "user", "password": "secret"}),
    ],
)
def test_credentials_and_the_authority_are_used(
    corpus: Corpus,
    elasticsearch_url: str,
    tmp_path: Path,
    authorization: str,
    given: dict[str, str],
) -> None:
    with guarded(elasticsearch_url, authorization, tmp_path) as url:
        known = {"ca_file": str(tmp_path / "ca.pem")}
        with lexical_projection(corpus, settings_for(url, **known, **given)) as projection:
            assert projection.follow()
        with (
            lexical_projection(corpus, settings_for(url, **known)) as projection,
            pytest.raises(EngineError, match="status 401: security_exception"),
        ):
            projection.follow()
        with (
            lexical_projection(corpus, settings_for(url, **given)) as projection,
            pytest.raises(EngineError, match="certificate"),
        ):
            projection.follow()


def test_the_next_of_several_hosts_is_asked(corpus: Corpus, elasticsearch_url: str) -> None:
    nobody = f"http://127.0.0.1:{any_free_port()}"
    for hosts in ((nobody, elasticsearch_url), (elasticsearch_url, nobody)):
        with lexical_projection(corpus, settings_for(*hosts)) as projection:
            assert projection.follow()


def test_two_kinds_of_credentials_are_refused() -> None:
    with pytest.raises(EngineError, match="API_KEY or …__USERNAME, not both"):
        connect(settings_for("http://127.0.0.1:1", api_key="x", username="y"), 1)


def test_a_missing_authority_is_named(tmp_path: Path) -> None:
    ca_file = str(tmp_path / "none.pem")
    with pytest.raises(EngineError, match=r"CA_FILE names .*none.pem, no file"):
        connect(settings_for("https://127.0.0.1:1", ca_file=ca_file), 1)


def test_hosts_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMOVES_ELASTICSEARCH__HOSTS", "http://one:9200, https://two:9200/es")
    monkeypatch.setenv("PMOVES_PROFILE", "cluster")
    settings = LibrarySettings()
    assert settings.elasticsearch.hosts == ["http://one:9200", "https://two:9200/es"]
    assert settings.text_engines == ["Elasticsearch"]
    monkeypatch.setenv("PMOVES_PROFILE", "embedded")
    assert LibrarySettings().text_engines == []


@pytest.mark.parametrize("host", ["one:9200", "http://user:word@one:9200", "ftp://one", "http://"])
def test_other_addresses_are_refused(host: str) -> None:
    with pytest.raises(ValueError, match="hosts"):
        settings_for(host)
