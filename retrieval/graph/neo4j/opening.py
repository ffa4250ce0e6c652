"""The Neo4j that the settings name: what follows the corpus there, and reads from there."""

import logging
import threading
from contextlib import ExitStack

from retrieval.closing import Closing
from retrieval.corpus.store import Corpus
from retrieval.errors import PmovesError
from retrieval.graph.curation import merge_rows
from retrieval.graph.neo4j.client import Neo4jClient
from retrieval.graph.neo4j.engine import Neo4jEngine
from retrieval.graph.neo4j.foreign import read_entities
from retrieval.graph.neo4j.tables import graph_tables
from retrieval.projection.following import Following
from retrieval.projection.projection import Projection
from retrieval.settings import LibrarySettings

_LOG = logging.getLogger(__name__)


def graph_projection(corpus: Corpus, client: Neo4jClient) -> Projection:
    """Return the projection of the graph of `corpus` into the Neo4j of `client`."""
    return Projection(corpus, Neo4jEngine(client, corpus), graph_tables(corpus))


class GraphInNeo4j(Closing):
    """Keeps a Neo4j equal to the corpus, and takes up entities of others from there.

    Both happen in threads of their own; no search waits for either.
    """

    def __init__(self, corpus: Corpus, settings: LibrarySettings) -> None:
        self._client = Neo4jClient(settings.neo4j)
        self.following = Following(corpus, graph_projection(corpus, self._client))
        self._client.answers_again = self.following.hurry
        self._corpus = corpus
        self._settings = settings
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._refresh, name="read neo4j", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the threads, and close the connections."""
        with ExitStack() as stack:
            stack.callback(self._client.close)
            stack.callback(self._thread.join)
            stack.callback(self._ended.set)
            self.following.close()

    def _refresh(self) -> None:
        pause, namespace = self._settings.neo4j.dict_refresh_s, self._settings.search.namespace
        while pause and not self._ended.is_set():
            try:
                rows = read_entities(self._client, self._settings.neo4j.dict_limit)
                # Without anything new, nothing is written.
                merge_rows(self._corpus.entities, namespace, rows)
            except PmovesError as error:
                _LOG.warning("cannot read the entities in Neo4j: %s", error)
            self._ended.wait(pause)


def open_graph(corpus: Corpus, settings: LibrarySettings) -> GraphInNeo4j | None:
    """Return what keeps Neo4j equal to `corpus`, None where the settings name none.

    What cannot be opened is logged, for searches do without it.
    """
    if not settings.uses_neo4j:
        return None
    try:
        return GraphInNeo4j(corpus, settings)
    except PmovesError as error:
        _LOG.error("the graph is not shown in Neo4j: %s", error)
        return None
