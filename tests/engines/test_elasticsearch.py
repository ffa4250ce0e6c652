"""The Elasticsearch of the tests: that it is a real one, and has what the projection needs."""

import pytest
from elasticsearch import Elasticsearch

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("elasticsearch")]


def test_it_stems_english(elasticsearch_url: str) -> None:
    with Elasticsearch(elasticsearch_url) as client:
        tokens = client.indices.analyze(analyzer="english", text="The running boats")["tokens"]
        assert [token["token"] for token in tokens] == ["run", "boat"]
