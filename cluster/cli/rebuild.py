"""`pmoves rebuild`."""

from typing import Annotated, Literal

import typer

from cluster.cli.options import settings
from cluster.cli.output import say

Part = Annotated[
    Literal["graph"], typer.Argument(metavar="PROJECTION", help="What is built anew: graph.")
]


def rebuild(part: Part) -> None:
    """Build a projection of the corpus in a remote engine anew; searches go on meanwhile."""
    from cluster.errors import UsageError
    from retrieval.corpus.store import Corpus
    from retrieval.graph.neo4j.client import Neo4jClient
    from retrieval.graph.neo4j.opening import graph_projection

    loaded = settings()
    if not loaded.neo4j.url:
        raise UsageError("say where Neo4j is, with PMOVES_NEO4J__URL")
    corpus = Corpus.open_existing(loaded.corpus_uri)
    with Neo4jClient(loaded.neo4j) as client:
        if graph_projection(corpus, client).rebuild():
            say(f"{part} is built anew, at version {corpus.version}")
        else:
            say(f"{part} is being built anew by another process already")
