"""What the demo does beside the rest where engines are used."""

import pytest

from cluster import demo_engines
from cluster.access.http import HttpAccess
from cluster.config_report import read_settings
from cluster.demo_engines import _shows, _wait, name_entities
from cluster.errors import MeshError
from retrieval.corpus.store import Corpus


def test_an_engine_that_does_not_follow_is_named(
    gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_engines, "_PATIENCE_S", 0.0)
    access = HttpAccess(gateway)
    try:
        with pytest.raises(MeshError, match=r"did not follow to version 10000 in time: lexical: "):
            _wait(access, 10_000)
        # The gateway here has no Neo4j, which must not pass for one that shows everything.
        with pytest.raises(MeshError, match="graph: None"):
            _wait(access, 1)
    finally:
        access.close()


@pytest.mark.parametrize(
    ("projection", "expected"),
    [(None, False), ({}, False), ({"version": 6}, False), ({"version": 7}, True)],
)
def test_a_projection_shows_a_version_or_not(
    projection: dict[str, object] | None, expected: bool
) -> None:
    assert _shows(projection, 7) is expected  # type: ignore[arg-type]


def test_the_names_of_the_library_are_there_for_the_graph(corpus: Corpus) -> None:
    settings = read_settings().settings
    assert settings is not None
    name_entities(settings)
    assert len(corpus.entities.dataset().to_table()) > 10
