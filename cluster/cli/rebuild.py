"""`pmoves rebuild`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cluster.cli.options import AsJson, settings
from cluster.cli.output import print_json, say

if TYPE_CHECKING:
    from cluster.settings import Settings

Part = Annotated[
    Literal["dense", "lexical", "graph"],
    typer.Argument(
        metavar="PROJECTION",
        help="What is built anew: dense (the vector index), lexical (in Elasticsearch or "
        "Meilisearch) or graph (in Neo4j).",
    ),
]


def rebuild(part: Part, as_json: AsJson = False) -> None:
    """Build a projection of the corpus anew, beside the old one; searches go on meanwhile."""
    loaded = settings()
    if part == "dense":
        _dense(loaded, as_json)
    else:
        _engine(part, loaded, as_json)


def _dense(loaded: "Settings", as_json: bool) -> None:
    from cluster.dense_rebuild import rebuild_dense

    made = rebuild_dense(loaded)
    if as_json:
        print_json({"projection": "dense", "done": True, **made.model_dump()})
        return
    say(
        f"dense is built anew, at version {made.version}: {made.vectors} vectors in "
        f"{made.seconds:.1f} s, by {made.where}"
    )


def _engine(part: Literal["lexical", "graph"], loaded: "Settings", as_json: bool) -> None:
    from cluster.projections import PROJECTIONS
    from retrieval.corpus.store import Corpus

    corpus = Corpus.open_existing(loaded.corpus_uri)
    with PROJECTIONS[part](loaded, corpus) as projection:
        done = projection.rebuild()
    if as_json:
        print_json({"projection": part, "done": done, "version": corpus.version})
    elif done:
        say(f"{part} is built anew, at version {corpus.version}")
    else:
        say(f"{part} is being built anew by another process already")
