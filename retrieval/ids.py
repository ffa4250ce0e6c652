"""Identity: ids derive from content and source, so every write can be repeated.

A document is known by its source, a chunk by its namespace, document, position
and content. Both are UUIDs of version 5 (RFC 9562), the same on every machine.
Chunk ids need be unique only inside one namespace.
"""

import hashlib
import json
import uuid

_DOCUMENTS = uuid.uuid5(uuid.NAMESPACE_URL, "pmoves:document")
_CHUNKS = uuid.uuid5(uuid.NAMESPACE_URL, "pmoves:chunk")


def document_id(source: str) -> str:
    """Return the id of the document behind `source`, a URI; stable over re-ingest."""
    return str(uuid.uuid5(_DOCUMENTS, source))


def chunk_id(namespace: str, doc_id: str, position: int, content: str) -> str:
    """Return the id of one chunk.

    `position` counts from 0 inside the document. The parts are framed as a JSON
    list, so that no two different tuples share a name.
    """
    return str(uuid.uuid5(_CHUNKS, json.dumps([namespace, doc_id, position, content])))


def content_hash(*parts: str | bytes) -> str:
    """Return the SHA-256 of `parts` in hex; each part is framed by its length."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
