"""The tables of the corpus as the graph in Neo4j reads them: entities come first."""

from retrieval.corpus.store import Corpus
from retrieval.projection.base import Table


def graph_tables(corpus: Corpus) -> list[Table]:
    """Return the tables in the order in which their rows must be written."""
    return [
        Table(
            name="entities",
            keys=("namespace", "entity_id"),
            marks=("name", "type", "aliases", "source", "confidence"),
            columns=(),
            open=lambda: corpus.entities.dataset() if corpus.entities.exists() else None,
        ),
        Table(
            name="chunks",
            keys=("namespace", "chunk_id"),
            marks=("content_hash",),
            columns=("doc_id", "source", "title", "indexed_text"),
            open=corpus.dataset,
        ),
        relations_table(corpus),
    ]


def relations_table(corpus: Corpus) -> Table:
    """Return the table of relations."""
    return Table(
        name="relations",
        keys=("namespace", "chunk_id", "subject", "type", "object"),
        marks=("doc_id", "confidence", "start", "end"),
        columns=(),
        open=corpus.relations.dataset,
    )
