"""The Elasticsearch of the tests: that it is a real one, and has what the projection needs."""

from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from tests.engines.elasticsearch import elasticsearch

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("elasticsearch")]


def test_it_stems_english(tmp_path: Path) -> None:
    with elasticsearch(tmp_path) as engine, Elasticsearch(engine.url) as client:
        tokens = client.indices.analyze(analyzer="english", text="The running boats")["tokens"]
        assert [token["token"] for token in tokens] == ["run", "boat"]
