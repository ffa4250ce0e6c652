"""The Neo4j that shows the graph, where there is one."""

from cluster.doctor.finding import Finding, ok, warn
from cluster.settings import Settings
from retrieval.corpus.store import Corpus
from retrieval.errors import PmovesError
from retrieval.graph.neo4j.client import Neo4jClient
from retrieval.graph.neo4j.opening import graph_projection

_OLDEST = 5
_ADVICE = "Searches do without it; see the settings PMOVES_NEO4J__…, or unset its address."


def check_graph(settings: Settings) -> Finding | None:
    """Check that Neo4j answers, and how far it has come; None where none is named."""
    if not settings.neo4j.url:
        return None
    if not settings.uses_neo4j:
        detail = f"{settings.neo4j.url} is read by `pmoves entities import --neo4j` alone"
        return ok("neo4j", f"{detail}: PMOVES_PROFILE is {settings.profile}")
    try:
        with Neo4jClient(settings.neo4j) as client:
            version = client.version()
            detail = f"{version}, {_shown(settings, client)}"
    except PmovesError as error:
        return warn("neo4j", str(error), _ADVICE)
    if int(version.split()[-1].split(".")[0]) < _OLDEST:
        return warn("neo4j", detail, f"Use release {_OLDEST} or newer.")
    return ok("neo4j", detail)


def _shown(settings: Settings, client: Neo4jClient) -> str:
    try:
        corpus = Corpus.open_existing(settings.corpus_uri)
    except PmovesError:
        return "there is no corpus yet"
    position = graph_projection(corpus, client).look()
    if position is None:
        return "nothing of this corpus is there yet"
    return f"at version {position.version}, the corpus at {corpus.version}"
