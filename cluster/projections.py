"""The projections that the settings name, by what they are called on the command line."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from cluster.errors import UsageError
from cluster.settings import Settings
from retrieval.corpus.store import Corpus
from retrieval.projection.projection import Projection

Opened = Callable[[Settings, Corpus], AbstractContextManager[Projection]]


@contextmanager
def _lexical(settings: Settings, corpus: Corpus) -> Iterator[Projection]:
    from retrieval.lexical.opening import text_projection

    opened = text_projection(corpus, settings)
    if opened is None:
        raise UsageError(
            "say where Elasticsearch or Meilisearch is, with PMOVES_PROFILE=cluster and "
            "PMOVES_ELASTICSEARCH__HOSTS or PMOVES_MEILISEARCH__URL; without them the corpus's "
            "own text index answers, which needs no rebuilding"
        )
    with opened as projection:
        yield projection


@contextmanager
def _graph(settings: Settings, corpus: Corpus) -> Iterator[Projection]:
    from retrieval.graph.neo4j.client import Neo4jClient
    from retrieval.graph.neo4j.opening import graph_projection

    if not settings.neo4j.url:
        raise UsageError("say where Neo4j is, with PMOVES_NEO4J__URL")
    with Neo4jClient(settings.neo4j) as client:
        yield graph_projection(corpus, client)


PROJECTIONS: dict[str, Opened] = {"lexical": _lexical, "graph": _graph}


def projections_in_use(settings: Settings) -> list[str]:
    """Return the names of the projections that the mesh keeps up to date."""
    used = {"lexical": bool(settings.text_engines), "graph": settings.uses_neo4j}
    return [name for name, is_used in used.items() if is_used]
