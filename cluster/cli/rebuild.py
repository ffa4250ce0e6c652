"""`pmoves rebuild`."""

from typing import Annotated, Literal

import typer

from cluster.cli.options import settings
from cluster.cli.output import say

Part = Annotated[
    Literal["lexical", "graph"],
    typer.Argument(
        metavar="PROJECTION",
        help="What is built anew: lexical (in Elasticsearch) or graph (in Neo4j).",
    ),
]


def rebuild(part: Part) -> None:
    """Build a projection of the corpus in a remote engine anew; searches go on meanwhile."""
    from cluster.projections import PROJECTIONS
    from retrieval.corpus.store import Corpus

    loaded = settings()
    corpus = Corpus.open_existing(loaded.corpus_uri)
    with PROJECTIONS[part](loaded, corpus) as projection:
        if projection.rebuild():
            say(f"{part} is built anew, at version {corpus.version}")
        else:
            say(f"{part} is being built anew by another process already")
