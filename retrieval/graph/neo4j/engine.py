"""The graph of a corpus as a projection: where its one generation lives.

Neo4j's community edition has one database, and its users know their nodes by plain labels.
So a rebuild writes over what is there, item by item, and sweeps at the end what it did not
write. The graph is never empty meanwhile.
"""

import time

from retrieval.corpus.store import Corpus
from retrieval.graph.neo4j import cypher
from retrieval.graph.neo4j.client import Neo4jClient
from retrieval.graph.neo4j.generation import GraphGeneration

NAME = "graph"
# Raise it whenever nodes and relationships are made otherwise of the same rows.
_SHAPE = "2"


class Neo4jEngine:
    """An `Engine` of `retrieval.projection` over `client`."""

    def __init__(self, client: Neo4jClient, corpus: Corpus) -> None:
        self._client = client
        self._corpus = corpus
        self._prepared = False

    @property
    def name(self) -> str:
        """What the projection is called."""
        return NAME

    @property
    def shape(self) -> str:
        """What nodes and relationships look like."""
        return _SHAPE

    def current(self) -> GraphGeneration | None:
        """Return the generation that was published last, or None."""
        rows = self._client.read(cypher.CURRENT)
        return GraphGeneration(self._client, self._corpus, rows[0]["build"]) if rows else None

    def begin(self, corpus: str) -> GraphGeneration:
        """Return a generation whose build is newer than all before."""
        for statement in cypher.SCHEMA:
            self._client.run(statement)
        build = time.time_ns() // 1_000_000
        return GraphGeneration(self._client, self._corpus, build, begun=True)
