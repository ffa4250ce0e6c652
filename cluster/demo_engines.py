"""What the demo does beside the rest where engines are used."""

import time

from cluster.access.http import HttpAccess
from cluster.cli.output import say
from cluster.engines.profile import talking
from cluster.errors import MeshError
from cluster.settings import Settings
from eval.library import entity_dictionary
from retrieval.chunk import JsonValue
from retrieval.corpus.store import Corpus
from retrieval.graph.curation import merge_rows
from retrieval.graph.dictionary_rows import read_rows
from retrieval.graph.neo4j import cypher
from retrieval.graph.neo4j.client import Neo4jClient

_PATIENCE_S = 120.0
_MENTIONS = "MATCH (:Chunk)-[m:MENTIONS]->() RETURN count(m) AS items"


def name_entities(settings: Settings) -> None:
    """Give the corpus the names of the sample library, so that there is a graph to show."""
    corpus = Corpus.open_existing(settings.corpus_uri)
    rows = read_rows(entity_dictionary())
    merge_rows(corpus.entities, settings.search.namespace, rows)


def wait_for_engines(access: HttpAccess, settings: Settings, version: int) -> None:
    """Wait until the engines show `version`, and say what they hold.

    Raises `MeshError`, naming the engine, where one does not get there.
    """
    with talking("waiting for Elasticsearch and Neo4j to follow", say):
        _wait(access, version)
    with Neo4jClient(settings.neo4j) as client:
        queries = [cypher.COUNT["chunks"], cypher.COUNT["entities"], _MENTIONS]
        passages, names, mentions = (client.read(query)[0]["items"] for query in queries)
    say(f"   Elasticsearch shows index version {version}")
    say(f"   Neo4j shows {passages} passages that mention {names} names {mentions} times")


def _wait(access: HttpAccess, version: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        shown = access.stats().projections
        behind = [name for name in ("lexical", "graph") if not _shows(shown.get(name), version)]
        if not behind:
            return
        if time.monotonic() > deadline:
            told = "; ".join(f"{name}: {shown.get(name)}" for name in behind)
            raise MeshError(f"engines did not follow to version {version} in time: {told}")
        time.sleep(0.2)


def _shows(projection: dict[str, JsonValue] | None, version: int) -> bool:
    shown = (projection or {}).get("version")
    return isinstance(shown, int) and shown >= version
