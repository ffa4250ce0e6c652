"""The graph of a corpus in Neo4j, and entities that somebody else keeps there."""
