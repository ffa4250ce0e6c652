"""Entities that somebody else keeps in a Neo4j, as rows of a dictionary."""

from retrieval.graph.dictionary_rows import DictionaryRow
from retrieval.graph.folding import words
from retrieval.graph.neo4j import cypher
from retrieval.graph.neo4j.client import Neo4jClient

_SOURCE = "neo4j"
_UNKNOWN = "UNK"
_LONGEST = 1_000


def read_entities(client: Neo4jClient, limit: int) -> list[DictionaryRow]:
    """Return the nodes `(:Entity {value, type})`, by value, with their `aliases` if they have any.

    At most `limit` nodes; those that pmoves wrote itself are left out, and so is what holds
    no letter and no digit. Raises `EngineError`.
    """
    found: list[DictionaryRow] = []
    for row in client.read(cypher.FOREIGN, {"limit": limit}):
        name, kind = str(row["value"]).strip()[:_LONGEST], (row["type"] or _UNKNOWN)[:100]
        if not words(name):
            continue
        given = row["aliases"] if isinstance(row["aliases"], list) else []
        aliases = [str(alias)[:_LONGEST] for alias in given if words(str(alias))]
        found += [
            DictionaryRow(persona_name=name, alias=alias, source=_SOURCE, entity_type=kind)
            for alias in ("", *aliases)
        ]
    return found
