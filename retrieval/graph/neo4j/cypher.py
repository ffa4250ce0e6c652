"""What is asked of Neo4j. Every node and relationship of ours carries `build` and `version`.

Items of one corpus are known by `namespace` and their id. `build` is the build that wrote
an item last, so that a rebuild can sweep what it did not write; `version` is that of the
table, so that what is older than an item is refused. Nodes of others have neither.
"""

SCHEMA = (
    "CREATE CONSTRAINT pmoves_entity IF NOT EXISTS "
    "FOR (e:Entity) REQUIRE (e.namespace, e.entity_id) IS UNIQUE",
    "CREATE CONSTRAINT pmoves_chunk IF NOT EXISTS "
    "FOR (c:Chunk) REQUIRE (c.namespace, c.chunk_id) IS UNIQUE",
    "CREATE CONSTRAINT pmoves_projection IF NOT EXISTS "
    "FOR (p:PmovesProjection) REQUIRE p.name IS UNIQUE",
    "CREATE FULLTEXT INDEX pmoves_names IF NOT EXISTS FOR (e:Entity) ON EACH [e.name, e.aliases]",
    "CREATE INDEX pmoves_related IF NOT EXISTS FOR ()-[r:REL]-() ON (r.namespace, r.chunk_id)",
)

# A property that both kinds of writers set.
_MARKED = (
    "{item}.version = $version, {item}.build = CASE WHEN coalesce({item}.build, 0) > $build "
    "THEN {item}.build ELSE $build END, {item}.mark = row.mark"
)

PUT_ENTITIES = f"""
UNWIND $rows AS row
MERGE (e:Entity {{namespace: row.namespace, entity_id: row.entity_id}})
WITH e, row WHERE e.mark IS NULL OR e.version <= $version
SET e.name = row.name, e.value = row.name, e.type = row.type, e.aliases = row.aliases,
    e.source = row.source, e.confidence = row.confidence, {_MARKED.format(item="e")}
"""

PUT_CHUNKS = f"""
UNWIND $rows AS row
MERGE (c:Chunk {{namespace: row.namespace, chunk_id: row.chunk_id}})
WITH c, row WHERE c.mark IS NULL OR c.version <= $version
SET c.doc_id = row.doc_id, c.source = row.source, c.title = row.title,
    {_MARKED.format(item="c")}
"""

CLEAR_MENTIONS = """
UNWIND $rows AS row
MATCH (c:Chunk {namespace: row.namespace, chunk_id: row.chunk_id})
SET c.mentions = size(row.mentions)
WITH c MATCH (c)-[m:MENTIONS]->() DELETE m
"""

PUT_MENTIONS = """
UNWIND $rows AS row
MATCH (c:Chunk {namespace: row.namespace, chunk_id: row.chunk_id})
UNWIND row.mentions AS entity_id
MATCH (e:Entity {namespace: row.namespace, entity_id: entity_id})
MERGE (c)-[:MENTIONS]->(e)
"""

# Names that no dictionary holds become entities without a mark.
PUT_RELATIONS = f"""
UNWIND $rows AS row
MERGE (s:Entity {{namespace: row.namespace, entity_id: row.subject_id}})
ON CREATE SET s.name = row.subject, s.value = row.subject, s.type = 'NAME',
    s.source = 'passages', s.build = $build
MERGE (o:Entity {{namespace: row.namespace, entity_id: row.object_id}})
ON CREATE SET o.name = row.object, o.value = row.object, o.type = 'NAME',
    o.source = 'passages', o.build = $build
MERGE (s)-[r:REL {{namespace: row.namespace, chunk_id: row.chunk_id, subject: row.subject,
                  type: row.type, object: row.object}}]->(o)
WITH r, row WHERE r.mark IS NULL OR r.version <= $version
SET r.confidence = row.confidence, r.doc_id = row.doc_id, r.start = row.start, r.end = row.end,
    {_MARKED.format(item="r")}
"""

REMOVE = {
    "entities": """
UNWIND $keys AS key
MATCH (e:Entity {namespace: key[0], entity_id: key[1]})
WHERE e.mark IS NOT NULL AND e.version <= $version DETACH DELETE e
""",
    "chunks": """
UNWIND $keys AS key
MATCH (c:Chunk {namespace: key[0], chunk_id: key[1]})
WHERE c.version <= $version DETACH DELETE c
""",
    "relations": """
UNWIND $keys AS key
MATCH ()-[r:REL {namespace: key[0], chunk_id: key[1], subject: key[2], type: key[3],
                 object: key[4]}]->()
WHERE r.version <= $version DELETE r
""",
}

COUNT = {
    "entities": "MATCH (e:Entity) WHERE e.mark IS NOT NULL RETURN count(e) AS items",
    "chunks": "MATCH (c:Chunk) WHERE c.mark IS NOT NULL RETURN count(c) AS items",
    "relations": "MATCH ()-[r:REL]->() WHERE r.mark IS NOT NULL RETURN count(r) AS items",
}

# A passage whose mentions were lost is not as it should be.
ITEMS = {
    "entities": "MATCH (e:Entity) WHERE e.mark IS NOT NULL "
    "RETURN [e.namespace, e.entity_id] AS key, e.mark AS mark",
    "chunks": "MATCH (c:Chunk) WHERE c.mark IS NOT NULL RETURN [c.namespace, c.chunk_id] AS key, "
    "CASE COUNT { (c)-[:MENTIONS]->() } WHEN coalesce(c.mentions, 0) THEN c.mark ELSE '' END "
    "AS mark",
    "relations": "MATCH ()-[r:REL]->() WHERE r.mark IS NOT NULL "
    "RETURN [r.namespace, r.chunk_id, r.subject, r.type, r.object] AS key, r.mark AS mark",
}


# Names of passages that no relation leads to any more.
SWEEP_NAMES = """
MATCH (e:Entity) WHERE e.mark IS NULL AND e.build IS NOT NULL AND NOT (e)-[:REL]-()
CALL { WITH e DETACH DELETE e } IN TRANSACTIONS OF 5000 ROWS
"""

SWEEP = (
    "MATCH ()-[r:REL]->() WHERE r.build < $build CALL { WITH r DELETE r } IN TRANSACTIONS",
    "MATCH (n:Chunk) WHERE n.build < $build CALL { WITH n DETACH DELETE n } IN TRANSACTIONS",
    "MATCH (n:Entity) WHERE n.build < $build AND n.mark IS NOT NULL "
    "CALL { WITH n DETACH DELETE n } IN TRANSACTIONS",
)

CURRENT = (
    "MATCH (p:PmovesProjection {name: 'graph'}) RETURN p.build AS build, p.position AS position"
)
BUILD_POSITION = """
MATCH (p:PmovesProjection {name: 'graph', build: $build}) RETURN p.position AS position
"""
SETTLE = """
MATCH (p:PmovesProjection {name: 'graph', build: $build}) SET p.position = $position
RETURN p.build AS build
"""
PUBLISH = """
MERGE (p:PmovesProjection {name: 'graph'}) SET p.build = $build, p.position = $position
"""

# Entities of others, as the predecessor kept them.
FOREIGN = """
MATCH (e:Entity) WHERE e.value IS NOT NULL AND e.build IS NULL
RETURN toString(e.value) AS value, toString(e.type) AS type, e.aliases AS aliases
ORDER BY value LIMIT $limit
"""
